/* cursor: where a listing goes on.
 * In:    the key of a page's last row.
 * Out:   opaque text, so that nobody builds one; and back.
 * Never: remembers a listing. */
#include "cursor.h"

#include <string.h>

#include "jwt.h"
#include "lib/text.h"

void cursor_write(uint64_t key, struct buf *out)
{
    unsigned char bytes[9] = {'c'};

    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(key >> (56 - 8 * i));
    jwt_base64url(out, bytes, sizeof(bytes));
}

bool cursor_read(const char *text, uint64_t *out)
{
    unsigned char bytes[16];
    size_t n = strlen(text);

    if (n > 12 || text_base64url_decode(text, n, bytes) != 9 || bytes[0] != 'c')
        return false;
    *out = 0;
    for (int i = 1; i < 9; i++)
        *out = *out << 8 | bytes[i];
    return true;
}
