/* app_build: one reading becomes what is wanted, and the last good set is kept on disk; off the
 * loop.
 * In:    a reading; what the build before it left; what was last good.
 * Out:   a struct desired and what is wrong; what the next build starts from.
 * Never: touches what the loop may touch: it works on what it was given, until it is done. */
#ifndef TENANTD_APP_BUILD_H
#define TENANTD_APP_BUILD_H

#include <uv.h>

#include "core/config.h"
#include "core/desired.h"
#include "io/manifest_files.h"
#include "io/store_manifest.h"

/* What is not in the files. Owned: the configuration may change meanwhile. */
struct build_names {
    char *organization;
    char **hooks; /* NULL-terminated; so are the keys */
    char **keys;
};

/* The last build, if nothing was wrong in it. */
struct build_base {
    struct manifest_files *files; /* held; NULL: there is none */
    struct desired_keep kept;
    struct build_names names;
};
void build_base_deinit(struct build_base *base);

struct app;
struct build {
    uv_work_t work;
    struct app *app;
    uint64_t no;
    struct manifest_files *files; /* held */
    struct build_names names;
    /* Set by whoever starts it, and borrowed: */
    const struct build_base *base;
    const struct desired *last; /* what came of the base; NULL: build all anew */
    bool is_silent;             /* nothing was said of the base */
    const struct manifest_input *good;
    size_t n_good;
    struct store_manifest *unread; /* where what was last good is to be had, if it comes to that;
                                      NULL: it is `good` */
    struct store_manifest *store;  /* NULL: nothing is kept */
    bool is_unknown; /* what was last good cannot be read: an empty directory may have been used */
    /* What comes of it: */
    struct manifest_input *now; /* what it is made of, where that is not the reading alone */
    size_t n_lost;              /* of them, at the end: directories that lost their files */
    int rv;
    bool is_same; /* no file is another one than in the last build */
    bool stays;   /* and nothing was made: what the base has left is left */
    struct desired desired;
    struct desired_keep keep;
    struct diags diags;
    struct manifest_good was_good; /* read from `unread`; what is kept borrows from it */
    bool has_read;                 /* it was tried */
    struct err load_err;
    struct err lost; /* why the set that was kept before had to be moved aside; none: it had not */
    struct err save_err;
};

/* Takes `files` in any case. NULL: no memory. */
struct build *build_new(const struct config *config, struct manifest_files *files) MUST_CHECK;
/* What was built last was asked for in the same way. */
bool build_is_next(const struct build *b, const struct build_base *base) MUST_CHECK;
void build_run(struct build *b);
/* What it leaves takes the place of `base`, which was the one that it started from. */
void build_leave(struct build *b, struct build_base *base);
void build_free(struct build *b); /* takes NULL */

#endif
