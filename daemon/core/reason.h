/* reason: where a thing may stand, and why: the words that people and programs are told.
 * In:    nothing.
 * Out:   closed tables: a phase, a reason, and a text for each reason.
 * Never: which of them it is: that is decided. */
#ifndef TENANTD_CORE_REASON_H
#define TENANTD_CORE_REASON_H

/* clang-format off: a table */
#define PHASES(X)                                                                                  \
    X(NONE, "") /* nothing of ours: live, unnamed, not ours */                                     \
    X(READY, "Ready")                                                                              \
    X(PENDING, "Pending")                                                                          \
    X(WORKING, "Working")                                                                          \
    X(RETRYING, "Retrying")                                                                        \
    X(BLOCKED, "Blocked")                                                                          \
    X(MISSING, "Missing")                                                                          \
    X(ORPHANED, "Orphaned")                                                                        \
    X(DELETING, "Deleting")                                                                        \
    X(PAUSED, "Paused")                                                                            \
    X(UNKNOWN, "Unknown")
/* clang-format on */
#define PHASE_ENUM(symbol, text) PHASE_##symbol,
enum phase { PHASES(PHASE_ENUM) PHASE_N };
#undef PHASE_ENUM

/* The closed table of reasons. The text is what a message says when nothing more precise is known.
 */
/* clang-format off: a table */
#define REASONS(X)                                                                                 \
    X(NONE, "", "")                                                                                \
    X(IN_SYNC, "InSync", "as the manifest says")                                                   \
    X(ABSENT, "Absent", "gone, as the manifest says")                                              \
    X(OBSERVED, "Observed", "reported only (manage: observe)")                                     \
    X(DRIFTED, "Drifted", "changed outside the manifest, and left so (drift: report)")             \
    X(QUEUED, "Queued", "waiting for its turn")                                                    \
    X(WAITING_FOR_GROUP, "WaitingForGroup", "waiting for its group")                               \
    X(WAITING_FOR_TARGET, "WaitingForTarget", "waiting for what the token opens")                  \
    X(WAITING_FOR_SEED, "WaitingForSeed", "waiting for the database it is copied from")            \
    X(WAITING_FOR_TOKEN, "WaitingForToken", "waiting for a token to ask its host with")            \
    X(WAITING_FOR_HOST, "WaitingForHost", "waiting for its own host to answer")                    \
    X(WAITING_FOR_UPLOAD, "WaitingForUpload", "waiting until another upload has ended")            \
    X(WAITING_FOR_VIEW, "WaitingForView", "waiting for a complete observation")                    \
    X(WRITES_OFF, "WritesOff", "not done, for policy.writes is off")                               \
    X(UNAUTHORIZED, "Unauthorized", "waiting until the platform accepts the API token")            \
    X(DELETE_UNAUTHORIZED, "DeleteUnauthorized",                                                   \
      "waiting until the platform accepts the delete token")                                       \
    X(READING, "Reading", "being read")                                                            \
    X(PROBING, "Probing", "its own host is being asked")                                           \
    X(CREATING, "Creating", "being created")                                                       \
    X(UPLOADING, "Uploading", "its file is being uploaded")                                        \
    X(CONFIGURING, "Configuring", "being configured")                                              \
    X(UNARCHIVING, "Unarchiving", "being woken up")                                                \
    X(MINTING, "Minting", "being minted")                                                          \
    X(ROTATING, "Rotating", "its keys are being rotated")                                          \
    X(REVOKING, "Revoking", "being revoked")                                                       \
    X(WRITING, "Writing", "its file is being written")                                             \
    X(PLATFORM_ERROR, "PlatformError", "the platform failed")                                      \
    X(THROTTLED, "Throttled", "the platform asked to slow down")                                   \
    X(UNREACHABLE, "Unreachable", "the platform cannot be reached")                                \
    X(NO_ANSWER, "NoAnswer", "sent, but no answer came; it is read before anything is sent again") \
    X(BAD_ANSWER, "BadAnswer", "the platform's answer was not understood")                         \
    X(FILE_FAILED, "FileFailed", "its file could not be written")                                  \
    X(UNMARKED, "TokensDirUnmarked", "tokens_dir is not the directory it was; is it mounted?")     \
    X(TOKEN_DEAD, "TokenDead",                                                                     \
      "its host refuses a token that was just minted, though the keys were rotated")               \
    X(CONFLICT, "Conflict",                                                                        \
      "another thing of this name is live; it is not ours and is left alone")                      \
    X(NOT_OWNED, "NotOwned", "live, but not ours")                                                 \
    X(NOT_FOUND, "NotFound", "not on the platform")                                                \
    X(GROUP_CHANGE, "GroupChange", "a database cannot change its group")                           \
    X(LOCATION_CHANGE, "LocationChange", "a group cannot change its location")                     \
    X(EXTENSIONS_CHANGE, "ExtensionsChange", "extensions count at creation only")                  \
    X(ENGINE_CHANGE, "EngineChange", "the engine counts at creation only")                         \
    X(ENCRYPTION_CHANGE, "EncryptionChange", "encryption counts at creation only")                 \
    X(ENCRYPTION_KEY, "EncryptionKey", "its encryption key cannot be used")                        \
    X(SEED_FILE, "SeedFile", "the file that it is to be made from cannot be used")                 \
    X(UPLOAD_REFUSED, "UploadRefused", "the platform refused its file")                            \
    X(UPLOAD_UNKNOWN, "UploadUnknown", "whether its file is there cannot be told")                 \
    X(RESIDENCY_VIOLATED, "ResidencyViolated", "it lives outside its residency")                   \
    X(NO_GROUP, "NoGroup", "no group of its residency can take it")                                \
    X(REFUSED, "Refused", "the platform refused it")                                               \
    X(FORBIDDEN, "Forbidden", "the API token may not do this")                                     \
    X(PLAN_REFUSED, "PlanRefused", "the platform's plan does not allow it")                        \
    X(QUOTA_EXCEEDED, "QuotaExceeded", "the platform's plan has no room for it")                   \
    X(PROTECTED, "Protected", "wanted gone, but protected (protect: true)")                        \
    X(DELETE_PROTECTED, "DeleteProtected", "wanted gone, but delete_protection is on")             \
    X(RECENTLY_DELETED, "RecentlyDeleted",                                                         \
      "a database of this name was deleted in the last 5 days")                                    \
    X(HELD, "Held", "waits for approval")                                                          \
    X(REJECTED, "Rejected", "rejected by an operator, until its entry changes")                    \
    X(FENCE_LIFTED, "FenceLifted", "somebody lifted its fence; the deletion waits for approval")   \
    X(GROUP_MISSING, "GroupMissing", "its group is missing")                                       \
    X(GROUP_BLOCKED, "GroupBlocked", "its group needs somebody")                                   \
    X(TARGET_BLOCKED, "TargetBlocked", "what the token opens needs somebody")                      \
    X(ARCHIVED, "Archived", "the platform archived it; unarchive: true wakes it")                  \
    X(NOT_EMPTY, "NotEmpty", "wanted gone, but databases, tokens or protection are left")          \
    X(MINT_UNKNOWN, "MintUnknown",                                                                 \
      "a token that never expires may exist; it is not minted again by itself")                    \
    X(CONTENDED, "Contended",                                                                      \
      "a field was set back too often and is left alone until its entry changes")                  \
    X(VANISHED, "Vanished", "ours, and gone from the platform")                                    \
    X(NOT_IN_MANIFEST, "NotInManifest", "ours, not in the manifest, and kept")                     \
    X(ADOPTED_RECENTLY, "AdoptedRecently", "adopted too recently to be removed for absence")       \
    X(MANIFEST_REFUSED, "ManifestRefused", "kept while part of the manifest is refused")           \
    X(STILL_VALID, "StillValid", "removed here, but the token works until it expires")             \
    X(SETTLING, "Settling", "about to be fenced")                                                  \
    X(FENCING, "Fencing", "reads and writes are being blocked")                                    \
    X(UNFENCING, "Unfencing", "its fence is being lifted")                                         \
    X(GRACE, "Grace", "fenced; deleted when the grace ends")                                       \
    X(DELETING, "Deleting", "being deleted")                                                       \
    X(PAUSED, "Paused", "paused by an operator")                                                   \
    X(UNOBSERVED, "Unobserved", "the platform does not list what there is of its kind")            \
    X(OWN_TOKEN, "OwnToken",                                                                       \
      "the daemon itself may be running with this token; it is not revoked")                       \
    X(INVITED, "Invited", "invited, and not a member yet")                                         \
    X(INVITING, "Inviting", "being invited")                                                       \
    X(INVITE_GONE, "InviteGone",                                                                   \
      "its invite is gone without an answer; it is not sent again by itself")                      \
    X(OWNER, "Owner", "the organization's owner is neither removed nor given another role")        \
    X(OWN_USER, "OwnUser",                                                                         \
      "it is, or may be, the daemon's own user, who is neither removed nor given another role")    \
    X(LAST_ADMIN, "LastAdmin",                                                                     \
      "the last admin is neither removed nor given another role; make another one first")          \
    X(NOT_OBSERVED, "NotObserved", "not observed yet")                                             \
    X(VANISHING, "Vanishing", "not found just now; being asked for again")
/* clang-format on */
#define REASON_ENUM(symbol, name, text) REASON_##symbol,
enum reason { REASONS(REASON_ENUM) REASON_N };
#undef REASON_ENUM

extern const char *const PHASE_NAME[PHASE_N];
extern const char *const REASON_NAME[REASON_N];
extern const char *const REASON_TEXT[REASON_N];

#endif
