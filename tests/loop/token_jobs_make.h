/* token_jobs_make: what the tests of token files share: a marked directory, tokens, jobs and what
 * they come to. Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_TOKEN_JOBS_MAKE_H
#define TENANTD_TESTS_LOOP_TOKEN_JOBS_MAKE_H

#include <sys/mount.h>

#include "core/file_job.h"
#include "io/digest.h"
#include "io/token_jobs.h"
#include "io/tokens_dir.h"
#include "lib/mem.h"
#include "tests/loop/run.h"

#define MARK "https://api.turso.tech acme"

struct ctx {
    char *dir;    /* holds tokens and outside */
    char *tokens; /* DIR/tokens, marked */
    struct tokens_dir_options options;
    struct err err;
};

RUN_UNUSED static int setup_unmarked(void **state)
{
    struct ctx *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->dir = dir_new();
    c->tokens = strdup(dir_path(c->dir, "tokens"));
    c->options = (struct tokens_dir_options){.path = c->tokens, .mark = MARK};
    dir_mkdir(c->dir, "outside");
    dir_write(c->dir, "outside/victim", "precious");
    *state = c;
    return 0;
}

RUN_UNUSED static int setup(void **state)
{
    struct ctx *c;

    setup_unmarked(state);
    c = *state;
    if (tokens_dir_mark(&c->options, &c->err) < 0)
        fail_msg("%s", c->err.msg);
    return 0;
}

RUN_UNUSED static int teardown(void **state)
{
    struct ctx *c = *state;

    umount2(c->tokens, MNT_DETACH); /* most tests mount nothing */
    assert_int_equal(mem_live_blocks(), 0);
    dir_free(c->dir);
    free(c->tokens);
    free(c);
    return 0;
}

/* --- Tokens ----------------------------------------------------------------------------------- */

RUN_UNUSED static char *base64url(const char *s, char *out)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = strlen(s);
    unsigned bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | (unsigned char)s[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = DIGITS[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = DIGITS[bits << (6 - have) & 63];
    *out = '\0';
    return out;
}

/* A token for database `id`, read-only, issued at 1 s, gone at 2 s; borrowed until the fourth call
 * after this. */
RUN_UNUSED static const char *jwt_for(const char *id)
{
    static char tokens[4][2048];
    static unsigned next;
    char *out = tokens[next++ % 4];
    char claims[1024];
    char *end;

    snprintf(claims, sizeof(claims), "{\"id\":\"%s\",\"a\":\"ro\",\"iat\":1,\"exp\":2}", id);
    end = base64url("{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", out);
    *end++ = '.';
    end = base64url(claims, end);
    snprintf(end, 16, ".c2lnbmF0dXJl");
    return out;
}

RUN_UNUSED static const char *hash_of(const char *jwt)
{
    static char hash[DIGEST_HEX_SIZE];

    assert_true(digest_hex(jwt, strlen(jwt), hash));
    return hash;
}

/* --- Jobs ------------------------------------------------------------------------------------- */

static void set(char **member, const char *value)
{
    *member = mem_strdup(value);
    assert_non_null(*member);
}

static struct file_job *job_new(enum file_job_kind kind, const char *path)
{
    static uint64_t next_id = 100;
    struct file_job *j = file_job_new(kind, path);

    assert_non_null(j);
    j->id = next_id++;
    j->mode = 0600;
    return j;
}

RUN_UNUSED static struct file_job *publish(const char *path, const char *jwt)
{
    struct file_job *j = job_new(FILE_PUBLISH, path);

    set(&j->jwt, jwt);
    j->jwt_size = strlen(jwt);
    return j;
}

RUN_UNUSED static struct file_job *move_to(const char *path, const char *old_path, const char *jwt)
{
    struct file_job *j = job_new(FILE_MOVE, path);

    set(&j->old_path, old_path);
    set(&j->hash, hash_of(jwt));
    return j;
}

RUN_UNUSED static struct file_job *remove_job(const char *path, const char *jwt)
{
    struct file_job *j = job_new(FILE_REMOVE, path);

    set(&j->hash, hash_of(jwt));
    return j;
}

/* --- Files ------------------------------------------------------------------------------------ */

RUN_UNUSED static const char *contents(const char *dir, const char *name)
{
    static char data[8192];
    FILE *f = fopen(dir_path(dir, name), "re");
    size_t n = f ? fread(data, 1, sizeof(data) - 1, f) : 0;

    data[n] = '\0';
    if (!f)
        return NULL;
    fclose(f);
    return data;
}

RUN_UNUSED static void expect_file(struct ctx *c, const char *name, const char *text)
{
    const char *found = contents(c->tokens, name);

    if (!found)
        fail_msg("%s is not there", name);
    assert_string_equal(found, text);
}

RUN_UNUSED static void expect_token(struct ctx *c, const char *name, const char *jwt)
{
    char line[4096];

    snprintf(line, sizeof(line), "%s\n", jwt);
    expect_file(c, name, line);
}

RUN_UNUSED static void expect_none(struct ctx *c, const char *name)
{
    struct stat st;

    assert_int_equal(lstat(dir_path(c->tokens, name), &st), -1);
}

/* --- One job at a time ----------------------------------------------------------------------- */

/* Run one job and forget it. */
RUN_UNUSED static struct file_result run(struct ctx *c, struct file_job *j)
{
    struct file_result r;
    struct file_result *at = &r;

    token_jobs_run(&c->options, &j, 1, &at);
    assert_int_equal(r.job_id, j->id);
    assert_int_equal(r.kind, j->kind);
    file_job_free(j);
    return r;
}

RUN_UNUSED static void expect(struct ctx *c, struct file_job *j, enum file_outcome outcome,
                              const char *part)
{
    struct file_result r = run(c, j);

    if (r.outcome != outcome || !strstr(r.error, part))
        fail_msg("outcome %d, \"%s\", not %d, \"%s\"", (int)r.outcome, r.error, (int)outcome, part);
}

RUN_UNUSED static void expect_done(struct ctx *c, struct file_job *j)
{
    expect(c, j, FILE_DONE, "");
}

RUN_UNUSED static struct file_job *with(struct file_job *j, enum token_format format, unsigned mode)
{
    j->format = format;
    j->mode = mode;
    return j;
}

RUN_UNUSED static struct stat stat_of(struct ctx *c, const char *name)
{
    struct stat st;

    assert_int_equal(lstat(dir_path(c->tokens, name), &st), 0);
    return st;
}

#endif
