/* token_files: file jobs, done off the loop, some at a time.
 *
 *   start -> waiting -> a lane, by the first part of the path -> on a worker, with what else is in
 *   the lane by then -> done, when all of its batch are
 *
 * Jobs whose paths begin alike are done in the order they were given; a move from one lane to
 * another has the directory for itself, and those behind it wait. The directory is missing or not
 * marked: the job is FILE_UNMARKED, nothing was touched. The system says no to one job: that one is
 * FILE_FAILED, the others go on. close: takes no more, finishes what it has (a job may hold the
 * only copy of a token that was minted), then says so.
 * In:    jobs.
 * Out:   results.
 * Never: keeps a token longer than its job. */
#ifndef TENANTD_IO_TOKEN_FILES_H
#define TENANTD_IO_TOKEN_FILES_H

#include <stddef.h>
#include <uv.h>

#include "core/file_job.h"
#include "io/tokens_dir.h"
#include "lib/base.h"
#include "lib/err.h"

struct token_files;

/* A token that is revealed is the callback's only if it takes it out of the result.
 * results[i] answers jobs[i] of that start; borrowed until the callback returns. The jobs are gone,
 * their tokens wiped. It may start more and may close. */
typedef void (*token_files_done_fn)(void *arg, struct file_result *results, size_t n);
typedef void (*token_files_closed_fn)(void *arg);

/* `o` is copied. -ERR_NOMEM, -ERR_IO. */
int token_files_open(uv_loop_t *loop, const struct tokens_dir_options *o, struct token_files **out,
                     struct err *err) MUST_CHECK;

/* Takes the jobs (not the array) on 0. On error nothing happened, they are still the caller's, and
 * `done` is never called; on 0 it is called exactly once, from the loop and never inside start.
 * -ERR_LIMIT: more than LIMIT_FILE_JOBS; -ERR_CANCELED: closing; -ERR_NOMEM. */
int token_files_start(struct token_files *tf, struct file_job *const *jobs, size_t n,
                      token_files_done_fn done, void *arg, struct err *err) MUST_CHECK;

/* `closed` (may be NULL) is called from the loop, after the last `done`; then `tf` is gone. */
void token_files_close(struct token_files *tf, token_files_closed_fn closed, void *arg);

#endif
