/* replay: a fuzz target without a fuzzer: every file of its corpus, and every beginning of each
 * small one, as if it had been cut off there. In:    directories. Out:   how many inputs ran; 1
 * when there were none, or a directory cannot be read. Never: changes a byte; that is the fuzzer's
 * job. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define SMALL_BYTES 2048

/* On memory of exactly that size, so that reading beyond it shows. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact)
        abort();
    if (size)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static size_t run_file(FILE *f)
{
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof(data), f);

    run(data, size);
    for (size_t n = 0; size <= SMALL_BYTES && n < size; n++)
        run(data, n);
    return size <= SMALL_BYTES ? size + 1 : 1;
}

static bool run_directory(const char *path, size_t *n)
{
    DIR *d = opendir(path);
    const struct dirent *e;

    if (!d) {
        perror(path);
        return false;
    }
    while ((e = readdir(d))) {
        char file[4096];
        FILE *f;

        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        f = fopen(file, "rb");
        if (!f) {
            perror(file);
            closedir(d);
            return false;
        }
        *n += run_file(f);
        fclose(f);
    }
    closedir(d);
    return true;
}

int main(int argc, char **argv)
{
    size_t n = 0;

    for (int i = 1; i < argc; i++)
        if (!run_directory(argv[i], &n))
            return 1;
    printf("%zu inputs\n", n);
    return n ? 0 : 1;
}
