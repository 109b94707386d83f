/*
 * list.h: a list of what a server has open.
 *
 * Whoever is to be in a list embeds a struct fm_link.  Walk with
 *
 *     for (struct fm_link *l = list->first; l; l = l->next)
 *         use(l->item);
 */
#ifndef FM_LIST_H
#define FM_LIST_H

#include <stddef.h>

struct fm_link {
    struct fm_link *prev, *next;
    void *item; /* what the link is in */
};

/* Zeroed: empty. */
struct fm_list {
    struct fm_link *first;
};

/* Put item, which has this link, in front. */
static inline void fm_list_add(struct fm_list *list, struct fm_link *l,
                               void *item)
{
    *l = (struct fm_link){.next = list->first, .item = item};
    if (l->next)
        l->next->prev = l;
    list->first = l;
}

static inline void fm_list_remove(struct fm_list *list, struct fm_link *l)
{
    if (l->next)
        l->next->prev = l->prev;
    if (l->prev)
        l->prev->next = l->next;
    else
        list->first = l->next;
}

/* The item in front, or NULL. */
static inline void *fm_list_first(const struct fm_list *list)
{
    return list->first ? list->first->item : NULL;
}

#endif
