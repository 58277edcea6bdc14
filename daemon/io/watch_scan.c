/* watch_scan: one look at everything that a watch is about.
 * In:    the two paths of the configuration.
 * Out:   the directories to watch, and a signature of all files' names, inodes, sizes and times.
 * Never: opens a file, touches what the loop may touch. */
#include "io/watch_scan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/mem.h"
#include "lib/text.h"

struct scan {
    struct watch_scan *out;
    const atomic_bool *is_canceled;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int watch_dir_compare(const struct watch_dir *a, const struct watch_dir *b)
{
    int rc = strcmp(a->path, b->path);

    if (rc == 0)
        rc = strcmp(a->only ? a->only : "", b->only ? b->only : "");
    if (rc == 0)
        rc = compare_numbers(a->dev, b->dev);
    return rc != 0 ? rc : compare_numbers(a->ino, b->ino);
}

static int compare(const void *a, const void *b)
{
    return watch_dir_compare(a, b);
}

/* Takes path; NULL: there was no memory for it. */
static int add(struct watch_scan *s, struct watch_dir dir)
{
    if (!dir.path || !mem_grow(&s->dirs, &s->capacity, s->n + 1, sizeof(*s->dirs))) {
        mem_free(dir.path);
        return -ERR_NOMEM;
    }
    s->dirs[s->n++] = dir;
    return 0;
}

/* Of a directory the times say nothing: every file in it is looked at for itself. */
static uint64_t hash_of(const struct manifest_found *f)
{
    struct read_identity id = f->identity;
    int what[2] = {(int)f->type, (int)f->kind};
    uint64_t h = text_hash(TEXT_HASH_INIT, what, sizeof(what));

    if (f->type == MANIFEST_DIRECTORY)
        id = (struct read_identity){.dev = id.dev, .ino = id.ino};
    h = text_hash(h, f->path, strlen(f->path) + 1);
    h = text_hash(h, &id, sizeof(id));
    return f->error ? text_hash(h, f->error, strlen(f->error)) : h;
}

static int visit(void *arg, const struct manifest_found *found)
{
    struct scan *s = arg;

    if (atomic_load(s->is_canceled))
        return -ERR_CANCELED;
    s->out->signature += hash_of(found); /* a sum: they come in any order */
    if (found->type != MANIFEST_DIRECTORY)
        return 0;
    return add(s->out, (struct watch_dir){.path = mem_strdup(found->path),
                                          .dev = found->identity.dev,
                                          .ino = found->identity.ino,
                                          .kind = found->kind});
}

static int add_parent(struct watch_scan *s, const char *root)
{
    const char *slash = strrchr(root, '/');
    struct watch_dir dir = {.only = slash ? slash + 1 : root};
    struct stat st;

    if (!slash)
        dir.path = mem_strdup(".");
    else
        dir.path = mem_strndup(root, slash == root ? 1 : (size_t)(slash - root));
    if (dir.path && (stat(dir.path, &st) != 0 || dir.only[0] == '\0')) {
        mem_free(dir.path); /* not there, or the root is "/": the looks have to do */
        return 0;
    }
    if (dir.path) {
        dir.dev = st.st_dev;
        dir.ino = st.st_ino;
    }
    return add(s, dir);
}

int watch_scan(const struct manifest_walk_options *o, const atomic_bool *is_canceled,
               struct watch_scan *out)
{
    struct watch_scan found = {0};
    struct scan s = {.out = &found, .is_canceled = is_canceled};
    int rc = manifest_walk(o, visit, &s);

    if (rc == 0)
        rc = add_parent(&found, o->manifest);
    if (rc == 0 && o->tenants_dir)
        rc = add_parent(&found, o->tenants_dir);
    if (rc != 0) {
        watch_scan_deinit(&found);
        return rc;
    }
    qsort(found.dirs, found.n, sizeof(*found.dirs), compare);
    *out = found;
    return 0;
}

bool watch_scan_has_directory(const struct manifest_spots *spots)
{
    struct stat st;

    for (size_t i = 0; i < spots->n; i++)
        if (lstat(spots->items[i].path, &st) == 0 && S_ISDIR(st.st_mode))
            return true;
    return false;
}

void watch_scan_deinit(struct watch_scan *s)
{
    for (size_t i = 0; i < s->n; i++)
        mem_free(s->dirs[i].path);
    mem_free(s->dirs);
    *s = (struct watch_scan){0};
}
