/* see err.h */
#include "target/err.h"

/* clang-format off */
/* By the error without its sign. */
static const struct row {
    const char *name, *text;
} rows[] = {
    {"FM_OK", "no error"},
#define FM_ERR_ROW(name, text) {"FM_E_" #name, text},
    FM_ERR_MAP(FM_ERR_ROW)
#undef FM_ERR_ROW
};
/* clang-format on */

static const struct row *row_of(int err)
{
    static const struct row none = {"?", "unknown error"};

    return err <= 0 && err >= -FM_ERR_COUNT ? &rows[-err] : &none;
}

const char *fm_err_name(int err)
{
    return row_of(err)->name;
}

const char *fm_err_text(int err)
{
    return row_of(err)->text;
}
