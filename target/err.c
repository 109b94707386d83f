/* see err.h */
#include "target/err.h"

const char *fm_err_name(int err)
{
    switch (err) {
    case FM_OK:
        return "FM_OK";
#define FM_ERR_NAME(name, text) \
    case FM_E_##name:           \
        return "FM_E_" #name;
        FM_ERR_MAP(FM_ERR_NAME)
#undef FM_ERR_NAME
    default:
        return "?";
    }
}

const char *fm_err_text(int err)
{
    switch (err) {
    case FM_OK:
        return "no error";
#define FM_ERR_TEXT(name, text) \
    case FM_E_##name:           \
        return text;
        FM_ERR_MAP(FM_ERR_TEXT)
#undef FM_ERR_TEXT
    default:
        return "unknown error";
    }
}
