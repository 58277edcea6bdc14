/* token_jobs: carry out file jobs, one after the other, where the caller may block.
 * In:    jobs, borrowed.
 * Out:   a result for each.
 * Never: touches what another thread may be using. */
#ifndef TENANTD_IO_TOKEN_JOBS_H
#define TENANTD_IO_TOKEN_JOBS_H

#include <stddef.h>

#include "core/file_job.h"
#include "io/tokens_dir.h"

/* *results[i] answers jobs[i]; what is FILE_DONE is on disk when this returns. Beside what
 * core/file_job.h says, `hash` of the result is set for every token that the job has written, too.
 * MOVE and PUBLISH may be repeated after a crash: a MOVE whose new file has the hash already is
 * done. */
void token_jobs_run(const struct tokens_dir_options *o, struct file_job *const *jobs, size_t n,
                    struct file_result *const *results);

#endif
