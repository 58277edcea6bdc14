/* manifest_files: the bytes of all manifest files.
 * In:    where they are, the reading before this one, and where something may have changed since.
 * Out:   inputs for desired_build, sorted by path.
 * Never: touches in a worker what the loop may touch; a reading does not change once it is there.
 *
 * Read all: walk; a file whose identity is that of the previous reading is taken from there, the
 * others are read. Read some: look at a few places, and at what may change with no event; the rest
 * is as it was. What a reading holds is in its family, which readings of some have from the one
 * before: then only what is new is counted and only what is old is freed. */
#include "io/manifest_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "io/clock.h"
#include "io/manifest_files_private.h"
#include "lib/mem.h"
#include "lib/text.h"

/* A file whose last change is younger than this may change again without its times showing it. */
#define SETTLED_NS INT64_C(2000000000)
/* What a family may hold beside what its last reading has. */
#define STALE_BYTES_MOST (16u << 20)

/* --- A reading ----------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    const struct one_file *const *fa = a;
    const struct one_file *const *fb = b;

    return strcmp((*fa)->path, (*fb)->path);
}

/* Where it is among them, or would be. */
static size_t place_of(const struct manifest_files *m, const char *path)
{
    size_t low = 0;
    size_t high = m->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(m->files[mid]->path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct one_file *find(const struct manifest_files *m, const char *path)
{
    size_t at = m ? place_of(m, path) : 0;

    return m && at < m->n && strcmp(m->files[at]->path, path) == 0 ? m->files[at] : NULL;
}

static struct manifest_files *reading_new(const struct manifest_walk_options *o)
{
    struct manifest_files *m = mem_alloc(sizeof(*m));

    if (!m)
        return NULL;
    atomic_init(&m->refs, 1);
    m->manifest = mem_strdup(o->manifest);
    m->tenants_dir = mem_strdup(o->tenants_dir);
    if (m->manifest && (m->tenants_dir || !o->tenants_dir))
        return m;
    manifest_files_unref(m);
    return NULL;
}

/* Takes `f`, which is counted for the family. */
static int append(struct family *family, struct one_file *f)
{
    if (!mem_grow(&family->files, &family->capacity, family->n + 1, sizeof(struct one_file *))) {
        manifest_files_drop_one(f);
        return -ERR_NOMEM;
    }
    family->files[family->n++] = f;
    return 0;
}

static struct manifest_input input_of(const struct one_file *f)
{
    return (struct manifest_input){.path = f->path,
                                   .kind = f->kind,
                                   .data = f->text.data,
                                   .size = f->text.size,
                                   .error = f->error};
}

/* --- Reading ------------------------------------------------------------------------------- */

struct reading {
    struct family *into;
    const struct manifest_files *previous;
    int64_t now_ns;                 /* wall clock, as files have it */
    const atomic_bool *is_canceled; /* NULL: cannot be */
    bool some;                      /* what is wrong is not for this one */
    size_t n_reused;
};

static bool is_settled(const struct read_identity *i, int64_t now_ns)
{
    return now_ns - i->mtime_ns > SETTLED_NS && now_ns - i->ctime_ns > SETTLED_NS;
}

/* That of the previous reading if it is still right, held once more; else NULL. */
static struct one_file *reuse(const struct reading *r, const struct manifest_found *found)
{
    struct one_file *f = find(r->previous, found->path);

    if (!f || f->error || !f->is_settled || f->kind != found->kind ||
        f->is_restless != found->has_other_names ||
        !read_identity_equal(&f->text.identity, &found->identity))
        return NULL;
    atomic_fetch_add(&f->refs, 1);
    return f;
}

/* `error`: NULL where it is to be read yet. */
static struct one_file *one_file_new(const struct manifest_found *found, const char *error)
{
    struct one_file *f = mem_alloc(sizeof(*f));

    if (!f)
        return NULL;
    atomic_init(&f->refs, 1);
    f->kind = found->kind;
    f->path = mem_strdup(found->path);
    f->error = mem_strdup(error);
    if (f->path && (f->error || !error))
        return f;
    manifest_files_drop_one(f);
    return NULL;
}

static int append_error(struct reading *r, const struct manifest_found *found, const char *error)
{
    struct one_file *f = one_file_new(found, error);

    return f ? append(r->into, f) : -ERR_NOMEM;
}

static int append_empty(struct reading *r, const struct manifest_found *found)
{
    struct one_file *f = one_file_new(found, NULL);

    if (!f)
        return -ERR_NOMEM;
    f->is_empty = true;
    return append(r->into, f);
}

static int read_text(const struct manifest_found *found, struct one_file *f, struct err *err)
{
    int fd = manifest_walk_open(found, err);
    int rc;

    if (fd < 0)
        return fd;
    rc = read_fd(fd, "it", READ_MANIFEST, LIMIT_MANIFEST_FILE_BYTES, &f->text, err);
    close(fd);
    return rc;
}

static int add_file(struct reading *r, const struct manifest_found *found)
{
    struct one_file *f = reuse(r, found);
    struct err err = ERR_INIT;
    int rc;

    if (f) {
        r->n_reused++;
        return append(r->into, f);
    }
    f = one_file_new(found, NULL);
    if (!f)
        return -ERR_NOMEM;
    rc = read_text(found, f, &err);
    if (rc != 0) {
        manifest_files_drop_one(f);
        if (r->some)
            return MANIFEST_WALK_ALL;
        return rc == -ERR_NOMEM ? rc : append_error(r, found, err.msg);
    }
    f->is_settled = is_settled(&f->text.identity, r->now_ns);
    f->is_restless = found->has_other_names || !f->is_settled;
    return append(r->into, f);
}

static int visit(void *arg, const struct manifest_found *found)
{
    struct reading *r = arg;

    if (r->is_canceled && atomic_load(r->is_canceled))
        return -ERR_CANCELED;
    switch (found->type) {
    case MANIFEST_FILE:
        return add_file(r, found);
    case MANIFEST_ERROR:
        return r->some ? MANIFEST_WALK_ALL : append_error(r, found, found->error);
    case MANIFEST_EMPTY:
        return append_empty(r, found);
    case MANIFEST_DIRECTORY:
        break;
    }
    return 0;
}

static struct reading reading_of(const struct manifest_files_look *l, struct family *into)
{
    return (struct reading){.into = into,
                            .previous = l->previous,
                            .now_ns = clock_wall_ms() * 1000000,
                            .is_canceled = l->is_canceled};
}

/* Fill in what follows from `files`, of which there are as many as there is room for. */
static int complete(struct manifest_files *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        m->inputs[i] = input_of(m->files[i]);
        m->n_errors += m->files[i]->error != NULL;
        n += m->files[i]->is_restless;
    }
    m->restless = n ? mem_alloc(n * sizeof(struct one_file *)) : NULL;
    if (n && !m->restless)
        return -ERR_NOMEM;
    for (size_t i = 0; i < m->n; i++)
        if (m->files[i]->is_restless)
            m->restless[m->n_restless++] = m->files[i];
    return 0;
}

static bool make_room(struct manifest_files *m, size_t n)
{
    m->files = mem_alloc((n + 1) * sizeof(struct one_file *));
    m->inputs = mem_alloc((n + 1) * sizeof(*m->inputs));
    return m->files && m->inputs;
}

/* --- All --- */

/* Files are files, and directories without any apart from them. */
static int sort_out(struct manifest_files *m)
{
    size_t n = m->family->n;

    m->empty = mem_alloc((n + 1) * sizeof(struct one_file *));
    if (!m->empty || !make_room(m, n))
        return -ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct one_file *f = m->family->files[i];

        if (f->is_empty)
            m->empty[m->n_empty++] = f;
        else
            m->files[m->n++] = f;
    }
    if (m->n > 0)
        qsort((void *)m->files, m->n, sizeof(struct one_file *), by_path);
    if (m->n_empty > 0)
        qsort((void *)m->empty, m->n_empty, sizeof(struct one_file *), by_path);
    return 0;
}

static int fill(struct manifest_files *m, const struct manifest_files_look *l)
{
    struct reading r = reading_of(l, m->family);
    int rc = manifest_walk(&l->options, visit, &r);

    if (rc == 0)
        rc = sort_out(m);
    m->n_reused = r.n_reused;
    return rc ? rc : complete(m);
}

static int read_all(const struct manifest_files_look *l, struct manifest_files **out)
{
    struct manifest_files *m = reading_new(&l->options);
    int rc = -ERR_NOMEM;

    if (m)
        m->family = mem_alloc(sizeof(*m->family));
    if (m && m->family) {
        atomic_init(&m->family->refs, 1);
        rc = fill(m, l);
    }
    if (rc == 0)
        *out = m;
    else
        manifest_files_unref(m);
    return rc;
}

/* --- Some --- */

/* Where to look: where somebody said, and at what nobody says anything of. False: too much. */
static bool choose(const struct manifest_files_look *l, struct manifest_spots *out)
{
    const struct manifest_files *was = l->previous;

    if (!was || was->n_errors || l->spots->anywhere || was->stale_bytes > STALE_BYTES_MOST ||
        was->n_restless > MANIFEST_SPOTS_MOST || strcmp(was->manifest, l->options.manifest) != 0 ||
        !text_same(was->tenants_dir, l->options.tenants_dir))
        return false;
    for (size_t i = 0; i < l->spots->n; i++)
        manifest_spots_add(out, l->spots->items[i].kind, l->spots->items[i].path);
    for (size_t i = 0; i < was->n_restless; i++)
        manifest_spots_add(out, was->restless[i]->kind, was->restless[i]->path);
    manifest_spots_sort(out);
    return !out->anywhere;
}

/* Append those of the last reading from *at to `end`. */
static void take_over(struct manifest_files *m, const struct manifest_files *was, size_t *at,
                      size_t end)
{
    size_t n = end - *at;

    if (n > 0) {
        memcpy((void *)&m->files[m->n], (void *)&was->files[*at], n * sizeof(struct one_file *));
        memcpy(&m->inputs[m->n], &was->inputs[*at], n * sizeof(*m->inputs));
    }
    m->n += n;
    *at = end;
}

/* Every root has a file; else it takes a look at the root. */
static bool has_all_roots(const struct manifest_files *m)
{
    bool has[2] = {false, !m->tenants_dir};

    for (size_t i = 0; i < m->n; i++)
        has[m->inputs[i].kind == MANIFEST_TENANTS] = true;
    return has[0] && has[1];
}

/* Is it one of the directories without files, or in one? */
static bool is_of_empty(const struct manifest_files *m, const char *path)
{
    for (size_t i = 0; i < m->n_empty; i++) {
        size_t n = strlen(m->empty[i]->path);

        if (strncmp(m->empty[i]->path, path, n) == 0 && (path[n] == '/' || path[n] == '\0'))
            return true;
    }
    return false;
}

/* The last reading with what was found at the spots; both are sorted. */
static int exchange(struct manifest_files *m, const struct manifest_files *was,
                    const struct manifest_spots *spots, const struct family *found)
{
    size_t at = 0;
    size_t f = 0;

    if (!make_room(m, was->n + found->n))
        return -ERR_NOMEM;
    m->stale_bytes = was->stale_bytes;
    for (size_t i = 0; i < spots->n; i++) {
        const char *path = spots->items[i].path;
        struct one_file *old = NULL;
        struct one_file *now = NULL;

        take_over(m, was, &at, place_of(was, path));
        if (at < was->n && strcmp(was->files[at]->path, path) == 0)
            old = was->files[at++];
        if (f < found->n && strcmp(found->files[f]->path, path) == 0)
            now = found->files[f++];
        if (!old && is_of_empty(was, path))
            return MANIFEST_WALK_ALL;
        if (old && old != now)
            m->stale_bytes += sizeof(*old) + old->text.size;
        if (now) {
            m->inputs[m->n] = input_of(now);
            m->files[m->n++] = now;
        }
    }
    take_over(m, was, &at, was->n);
    return m->n <= LIMIT_MANIFEST_FILES && has_all_roots(m) ? 0 : MANIFEST_WALK_ALL;
}

/* What was found belongs to the family then; what it had before is not held twice. */
static int adopt(struct manifest_files *m, const struct manifest_files *was, struct family *found)
{
    m->restless = mem_alloc((found->n + 1) * sizeof(struct one_file *));
    m->empty = mem_alloc((was->n_empty + 1) * sizeof(struct one_file *));
    if (!m->restless || !m->empty)
        return -ERR_NOMEM;
    m->family = was->family;
    atomic_fetch_add(&m->family->refs, 1);
    m->n_empty = was->n_empty;
    if (m->n_empty > 0)
        memcpy((void *)m->empty, (void *)was->empty, m->n_empty * sizeof(struct one_file *));
    m->is_some = true;
    m->n_reused = m->n - found->n;
    for (size_t i = 0; i < found->n; i++) {
        struct one_file *f = found->files[i];

        if (f->is_restless)
            m->restless[m->n_restless++] = f;
        if (f == find(was, f->path)) {
            m->n_reused++;
            continue;
        }
        atomic_fetch_add(&f->refs, 1);
        if (append(m->family, f) != 0)
            return -ERR_NOMEM;
    }
    return 0;
}

static int read_spots(const struct manifest_files_look *l, const struct manifest_spots *spots,
                      struct family *found, struct manifest_files *m)
{
    struct reading r = reading_of(l, found);
    int rc = 0;

    r.some = true;
    for (size_t i = 0; rc == 0 && i < spots->n; i++)
        rc = manifest_walk_spot(&l->options, &spots->items[i], visit, &r);
    if (rc == 0)
        rc = exchange(m, l->previous, spots, found);
    return rc ? rc : adopt(m, l->previous, found);
}

static int read_some(const struct manifest_files_look *l, struct manifest_files **out)
{
    struct manifest_spots spots = {0};
    struct family *found = NULL;
    struct manifest_files *m = NULL;
    int rc = MANIFEST_WALK_ALL;

    if (choose(l, &spots)) {
        found = mem_alloc(sizeof(*found));
        m = reading_new(&l->options);
        if (found)
            atomic_init(&found->refs, 1);
        rc = found && m ? read_spots(l, &spots, found, m) : -ERR_NOMEM;
    }
    manifest_files_drop_family(found);
    manifest_spots_deinit(&spots);
    if (rc == 0)
        *out = m;
    else
        manifest_files_unref(m);
    return rc;
}

int manifest_files_look(const struct manifest_files_look *l, struct manifest_files **out)
{
    int rc = l->spots ? read_some(l, out) : MANIFEST_WALK_ALL;

    return rc == MANIFEST_WALK_ALL ? read_all(l, out) : rc;
}

int manifest_files_read(const struct manifest_walk_options *o,
                        const struct manifest_files *previous, const struct manifest_spots *spots,
                        struct manifest_files **out, struct err *err)
{
    struct manifest_files_look l = {.options = *o, .previous = previous, .spots = spots};

    return manifest_files_look(&l, out) == 0 ? 0 : err_nomem(err);
}
