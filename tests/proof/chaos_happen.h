/* chaos_happen: what can happen, for the table in chaos_happen.c. */
#ifndef TENANTD_TESTS_PROOF_CHAOS_HAPPEN_H
#define TENANTD_TESTS_PROOF_CHAOS_HAPPEN_H

#include "tests/proof/chaos.h"

const char *chaos_any_db(struct chaos *c);
const char *chaos_any_group(struct chaos *c);

/* chaos_operator.c */
void operator_approved(struct chaos *c);
void operator_rejected(struct chaos *c);
void operator_synced(struct chaos *c);
void operator_restored(struct chaos *c);
void operator_paused(struct chaos *c);
void operator_resumed(struct chaos *c);
void operator_all_resumed(struct chaos *c);
void operator_recreated(struct chaos *c);
void operator_released(struct chaos *c);
void operator_adopted(struct chaos *c);
void operator_purged(struct chaos *c);
void operator_rotated(struct chaos *c);
void operator_credential_read(struct chaos *c);
void operator_frightened(struct chaos *c);
void operator_loses_delete_token(struct chaos *c);
void operator_gives_up_group(struct chaos *c);

/* chaos_outside.c */
void outside_db_deleted(struct chaos *c);
void outside_db_made(struct chaos *c);
void outside_db_remade(struct chaos *c);
void outside_db_restored(struct chaos *c);
void outside_db_reconfigured(struct chaos *c);
void outside_key_revoked(struct chaos *c);
void outside_key_made(struct chaos *c);
void outside_key_of_its_own(struct chaos *c);
void outside_keys_rotated(struct chaos *c);
void outside_group_made(struct chaos *c);
void outside_group_deleted(struct chaos *c);
void outside_group_reconfigured(struct chaos *c);
void outside_file_of_token_gone(struct chaos *c);
void outside_file_of_token_overwritten(struct chaos *c);
void outside_draft_filled(struct chaos *c);

#endif
