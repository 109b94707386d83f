/*
 * json.h: what the command's JSON is made of.
 *
 * It is UTF-8, and names of files are bytes: what is none of it is U+FFFD.
 */
#ifndef SF_EXPLORE_JSON_H
#define SF_EXPLORE_JSON_H

#include <json-c/json.h>

#include "faultinject/explore/explore.h"

typedef struct json_object json;

json *sf_json_string(const char *text);
/* A list of strings; words end with NULL. */
json *sf_json_words(char *const *words);

/* Add a member; NULL is null. */
void sf_json_text(json *to, const char *name, const char *text);
void sf_json_number(json *to, const char *name, uint64_t n);
void sf_json_rule(json *to, const char *name, const struct sf_rule *rule);

/* Write it, and free it. */
void sf_json_write(json *all, FILE *out);

#endif
