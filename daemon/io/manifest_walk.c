/* manifest_walk: which files a manifest is made of, without opening one.
 * In:    the two paths of the configuration.
 * Out:   each directory, file and error, to a visitor.
 * Never: follows a link to a directory, or a link to what the writer of the link could not read
 * himself. */
#include "io/manifest_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "io/manifest_walk_private.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/text.h"

/* --- Names --------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

bool manifest_walk_is_name(const char *name)
{
    return name[0] != '.' && !ends_with(name, "~") && !ends_with(name, ".tmp");
}

static bool has_suffix(const char *name)
{
    return ends_with(name, ".yaml") || ends_with(name, ".yml") || ends_with(name, ".json");
}

/* A backslash is not plain either, so that no name looks like another one that had to be escaped.
 */
static bool is_plain(const char *name)
{
    return !strchr(name, '\\') && text_is_plain(name, strlen(name));
}

bool manifest_walk_is_file_name(const char *name)
{
    return manifest_walk_is_name(name) && has_suffix(name) && is_plain(name);
}

/* "PATH/NAME", whatever bytes the name has. NULL: no memory. */
static char *join(const char *path, const char *name)
{
    struct buf b = BUF_INIT((size_t)PATH_MAX * 8);
    bool plain = is_plain(name);

    buf_printf(&b, "%s/", path);
    for (const char *p = name; *p; p++) {
        if (plain || (*p >= 0x20 && *p < 0x7f && *p != '\\'))
            buf_add_char(&b, *p);
        else
            buf_printf(&b, "\\x%02x", (unsigned)(unsigned char)*p);
    }
    if (b.failed) {
        buf_deinit(&b);
        return NULL;
    }
    return buf_steal(&b);
}

/* --- Visits -------------------------------------------------------------------------------- */

static int visit_error(struct walk *w, const char *path, const char *error)
{
    struct manifest_found found = {
        .type = MANIFEST_ERROR, .kind = w->kind, .path = path, .error = error};

    w->n_errors++;
    return w->visit(w->arg, &found);
}

static int visit_errno(struct walk *w, const char *path, int errnum)
{
    struct err err;

    err_errno(&err, errnum, "cannot open it");
    return visit_error(w, path, err.msg);
}

static int visit_file(struct walk *w, const char *path, const struct stat *st,
                      struct manifest_place *place)
{
    struct manifest_found found = {.type = MANIFEST_FILE,
                                   .kind = w->kind,
                                   .path = path,
                                   .identity = read_identity_of(st),
                                   .has_other_names = place->is_link || st->st_nlink > 1,
                                   .place = place};

    if (!S_ISREG(st->st_mode))
        return visit_error(w, path, "it is not a regular file");
    if (++w->n_files > LIMIT_MANIFEST_FILES)
        return visit_error(w, path, "there are more manifest files than can be read");
    return w->visit(w->arg, &found);
}

/* --- Directories --------------------------------------------------------------------------- */

static int walk_directory(struct walk *w, int fd, const char *path, unsigned depth);

static int walk_below(struct walk *w, int dir_fd, const char *name, const char *path,
                      unsigned depth)
{
    int fd;

    if (depth >= LIMIT_MANIFEST_DEPTH)
        return visit_error(w, path, "directories are nested too deeply");
    fd = openat(dir_fd, name, MANIFEST_OPEN_FLAGS | O_DIRECTORY | O_NOFOLLOW);
    return fd >= 0 ? walk_directory(w, fd, path, depth) : visit_errno(w, path, errno);
}

static int walk_link(struct walk *w, int dir_fd, const char *name, const char *path)
{
    struct manifest_place place = {.walk = w, .dir_fd = dir_fd, .name = name, .is_link = true};
    struct stat st;

    if (fstatat(dir_fd, name, &st, 0) != 0)
        return errno == ENOENT ? visit_error(w, path, "it is a link that leads nowhere")
                               : visit_errno(w, path, errno);
    return S_ISDIR(st.st_mode) ? 0 : visit_file(w, path, &st, &place);
}

static int walk_path(struct walk *w, int dir_fd, const char *name, const char *path, unsigned depth)
{
    struct manifest_place place = {.walk = w, .dir_fd = dir_fd, .name = name};
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return visit_errno(w, path, errno);
    if (!S_ISDIR(st.st_mode) && !has_suffix(name))
        return 0;
    if (!is_plain(name))
        return visit_error(w, path, "its name must be UTF-8 without control characters and \\");
    if (S_ISDIR(st.st_mode))
        return walk_below(w, dir_fd, name, path, depth + 1);
    if (S_ISLNK(st.st_mode))
        return walk_link(w, dir_fd, name, path);
    return visit_file(w, path, &st, &place);
}

static int walk_entry(struct walk *w, int dir_fd, const struct dirent *entry, const char *path,
                      unsigned depth)
{
    char *below;
    int rc;

    if (!manifest_walk_is_name(entry->d_name))
        return 0;
    if (entry->d_type == DT_REG && !has_suffix(entry->d_name))
        return 0;
    below = join(path, entry->d_name);
    if (!below)
        return -ERR_NOMEM;
    rc = walk_path(w, dir_fd, entry->d_name, below, depth);
    mem_free(below);
    return rc;
}

static int walk_entries(struct walk *w, DIR *dir, const char *path, unsigned depth)
{
    const struct dirent *entry;
    int rc = 0;

    while (rc == 0 && w->n_files <= LIMIT_MANIFEST_FILES) {
        errno = 0;
        entry = readdir(dir);
        if (!entry)
            return errno ? visit_errno(w, path, errno) : 0;
        rc = walk_entry(w, dirfd(dir), entry, path, depth);
    }
    return rc;
}

static bool is_other(const struct walk *w, const struct stat *st)
{
    return w->has_other && w->other.dev == st->st_dev && w->other.ino == st->st_ino;
}

/* Visit the directory itself. Returns 0 to go into it, 1 not to, or an error. */
static int enter(struct walk *w, int fd, const char *path)
{
    struct manifest_found found = {.type = MANIFEST_DIRECTORY, .kind = w->kind, .path = path};
    struct stat st;
    struct err err;
    int rc;

    if (fstat(fd, &st) != 0)
        rc = visit_errno(w, path, errno); /* UNTESTED: of an open descriptor */
    else if (is_other(w, &st)) {
        w->n_others++;
        return 1;
    } else if (read_check(fd, &st, "it", READ_MANIFEST, &err) != 0)
        rc = visit_error(w, path, err.msg);
    else {
        found.identity = read_identity_of(&st);
        return w->visit(w->arg, &found);
    }
    return rc == 0 ? 1 : rc;
}

static size_t n_seen(const struct walk *w)
{
    return w->n_files + w->n_errors + w->n_others;
}

/* Takes fd. */
static int walk_directory(struct walk *w, int fd, const char *path, unsigned depth)
{
    struct manifest_found empty = {.type = MANIFEST_EMPTY, .kind = w->kind, .path = path};
    size_t before = n_seen(w);
    int rc = enter(w, fd, path);
    DIR *dir;

    if (rc != 0) {
        close(fd);
        return rc == 1 ? 0 : rc;
    }
    dir = fdopendir(fd);
    if (!dir) {
        close(fd); /* UNTESTED: no memory */
        return -ERR_NOMEM;
    }
    rc = walk_entries(w, dir, path, depth);
    closedir(dir);
    return rc == 0 && depth > 0 && n_seen(w) == before ? w->visit(w->arg, &empty) : rc;
}

/* --- Roots --------------------------------------------------------------------------------- */

#define EMPTY_TEXT                                                                                 \
    "no manifest files (*.yaml, *.yml, *.json) in this directory; where none is wanted yet, put "  \
    "one there that says `databases: {}`"

static int walk_root(struct walk *w)
{
    struct manifest_place place = {.walk = w, .dir_fd = AT_FDCWD, .name = w->root};
    int fd = open(w->root, MANIFEST_OPEN_FLAGS);
    struct stat st;
    int rc;

    if (fd < 0 || fstat(fd, &st) != 0)
        return visit_errno(w, w->root, errno);
    if (!S_ISDIR(st.st_mode)) {
        close(fd);
        return w->kind == MANIFEST_TENANTS ? visit_error(w, w->root, "it is not a directory")
                                           : visit_file(w, w->root, &st, &place);
    }
    manifest_walk_real_path(fd, w->real_root);
    rc = walk_directory(w, fd, w->root, 0);
    if (rc == 0 && w->n_files == 0 && w->n_errors == 0)
        rc = visit_error(w, w->root, EMPTY_TEXT);
    return rc;
}

static char *without_slashes(const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    return mem_strndup(path, n);
}

static void begin(struct walk *w, const struct manifest_walk_options *o, const char *root)
{
    const char *other_path = w->kind == MANIFEST_TRUSTED ? o->tenants_dir : o->manifest;
    struct stat st;

    w->root = root;
    if (other_path && stat(other_path, &st) == 0) {
        w->has_other = true;
        w->other = read_identity_of(&st);
    }
}

static int walk_path_of(const char *path, const struct manifest_walk_options *o, struct walk *w)
{
    char *root = without_slashes(path);
    int rc;

    if (!root)
        return -ERR_NOMEM;
    begin(w, o, root);
    rc = walk_root(w);
    mem_free(root);
    return rc;
}

static bool is_same(const char *a, const char *b)
{
    struct stat sa;
    struct stat sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

int manifest_walk(const struct manifest_walk_options *o, manifest_visit_fn visit, void *arg)
{
    struct walk trusted = {.visit = visit, .arg = arg, .kind = MANIFEST_TRUSTED};
    struct walk tenants = {.visit = visit, .arg = arg, .kind = MANIFEST_TENANTS};
    int rc;

    if (o->tenants_dir && is_same(o->manifest, o->tenants_dir))
        return visit_error(&tenants, o->tenants_dir,
                           "it is the manifest itself: `manifest` and `tenants_dir` must differ");
    rc = walk_path_of(o->manifest, o, &trusted);
    if (rc == 0 && o->tenants_dir)
        rc = walk_path_of(o->tenants_dir, o, &tenants);
    return rc;
}

/* --- One of them --------------------------------------------------------------------------- */

/* As `enter`, for a directory that was visited before. */
static bool may_enter(const struct walk *w, int fd)
{
    struct stat st;
    struct err err;

    return fstat(fd, &st) == 0 && !is_other(w, &st) &&
           read_check(fd, &st, "it", READ_MANIFEST, &err) == 0;
}

/* The directory of `below`, a path below the root, as the walk would get there; *name is what is
 * left. -1: not by this way. */
static int open_directory(struct walk *w, const char *below, const char **name)
{
    int fd = open(w->root, MANIFEST_OPEN_FLAGS | O_DIRECTORY);

    if (fd >= 0)
        manifest_walk_real_path(fd, w->real_root);
    for (unsigned depth = 0; fd >= 0 && may_enter(w, fd); depth++) {
        size_t n = strcspn(below, "/");
        char part[NAME_MAX + 1];
        int next;

        if (!below[n]) {
            *name = below;
            return fd;
        }
        if (n > NAME_MAX || depth + 1 >= LIMIT_MANIFEST_DEPTH)
            break;
        memcpy(part, below, n);
        part[n] = '\0';
        next = manifest_walk_is_name(part)
                   ? openat(fd, part, MANIFEST_OPEN_FLAGS | O_DIRECTORY | O_NOFOLLOW)
                   : -1;
        close(fd);
        fd = next;
        below += n + 1;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool has_file(int dir_fd)
{
    int fd = openat(dir_fd, ".", MANIFEST_OPEN_FLAGS | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;

    while (dir && (entry = readdir(dir)) != NULL && !manifest_walk_is_file_name(entry->d_name))
        ;
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd); /* UNTESTED: no memory */
    return entry;
}

/* Without its last file a directory below the root may be empty. */
static int look_for_others(int dir_fd, const char *below)
{
    return !strchr(below, '/') || has_file(dir_fd) ? 0 : MANIFEST_WALK_ALL;
}

static int walk_spot(struct walk *w, const char *path)
{
    size_t n = strlen(w->root);
    const char *name = NULL;
    struct stat st;
    int fd;
    int rc;

    if (strncmp(path, w->root, n) != 0 || path[n] != '/' || !is_plain(path + n))
        return MANIFEST_WALK_ALL;
    fd = open_directory(w, path + n + 1, &name);
    if (fd < 0)
        return MANIFEST_WALK_ALL;
    if (!manifest_walk_is_file_name(name))
        rc = MANIFEST_WALK_ALL;
    else if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        rc = errno == ENOENT ? 0 : MANIFEST_WALK_ALL;
    else
        rc = S_ISDIR(st.st_mode) ? MANIFEST_WALK_ALL : walk_path(w, fd, name, path, 0);
    if (rc == 0 && n_seen(w) == 0)
        rc = look_for_others(fd, path + n + 1);
    close(fd);
    return rc;
}

int manifest_walk_spot(const struct manifest_walk_options *o, const struct manifest_spot *spot,
                       manifest_visit_fn visit, void *arg)
{
    struct walk w = {.visit = visit, .arg = arg, .kind = spot->kind};
    const char *path = spot->kind == MANIFEST_TRUSTED ? o->manifest : o->tenants_dir;
    char *root = path ? without_slashes(path) : NULL;
    int rc;

    if (!root)
        return path ? -ERR_NOMEM : MANIFEST_WALK_ALL;
    begin(&w, o, root);
    rc = walk_spot(&w, spot->path);
    mem_free(root);
    return rc;
}
