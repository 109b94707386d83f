/*
 * place.h: what both provers keep in files: where a walk stands, for a break,
 * and what they find.
 *
 * Who cannot do it says why in a text that begins with the path.
 */
#ifndef SF_SESSION_PLACE_H
#define SF_SESSION_PLACE_H

#include "faultinject/inject/choose_exhaust.h"
#include "faultinject/inject/hash.h"

enum { SF_WHY = 4400 };

/* What a walk comes back with after a break. */
struct sf_saved {
    struct sf_exhaust_place place;
    uint64_t schedules[SF_EXHAUST_MAX + 1]; /* with so many faults */
};

/* The hash of what is in the file, too; of nothing where it cannot be read.
 * What another build has walked is proved of that one. */
uint64_t sf_hash_file(uint64_t h, const char *path);

/* Can a file be made in that folder?  It is tried. */
bool sf_folder_takes(const char *folder, char why[SF_WHY]);

/* Can a walk be kept in that file? */
bool sf_place_is_possible(const char *path, char why[SF_WHY]);

/* All of it or what was there before; `key` says which walk it is. */
bool sf_place_write(const char *path, uint64_t key, const struct sf_saved *s,
                    char why[SF_WHY]);
/* There is no such file, and *s is all 0; or it was left by that walk, of at
 * most k faults. */
bool sf_place_read(const char *path, uint64_t key, unsigned k,
                   struct sf_saved *s, char why[SF_WHY]);

/* I/N, part I of N, as shard 0 … shards - 1; false: it is something else. */
bool sf_read_shard(const char *text, unsigned *shard, unsigned *shards);
#define SF_SHARD_EXPECTED "I/N with I from 1 to N"

/* How many cuts are tried, 1 to so many; false: it is something else.  Of a
 * walk these are SF_EXHAUST_CUTS. */
bool sf_read_cuts(const char *text, unsigned most, unsigned *cuts);
#define SF_CUTS_EXPECTED "a number from 1 to 127"

#endif
