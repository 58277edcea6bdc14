/* store_private: what store, store_load and store_write share; for nobody else. */
#ifndef TENANTD_IO_STORE_PRIVATE_H
#define TENANTD_IO_STORE_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "core/ledger.h"
#include "io/state_dir.h"

struct store {
    struct state_dir dir;
    sqlite3 *db;
    bool is_new;
    bool in_callback; /* a row is shown: nothing may be called that needs the connection */
    sqlite3_stmt *put[LEDGER_N]; /* prepared at first use */
    sqlite3_stmt *remove[LEDGER_N];
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
};

#endif
