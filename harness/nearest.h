// The name a user probably meant: used wherever an unknown name is refused.
#ifndef TRICOLOR_HARNESS_NEAREST_H
#define TRICOLOR_HARNESS_NEAREST_H

#include <stddef.h>

// A list of names that belongs to the caller.
struct tri_names {
  const char *const *names;
  size_t count;
};

// Edits (insert, delete, replace one byte, swap two neighbours) that turn one word into the other.
size_t tri_edit_distance(const char *from, const char *to);

// The name with the fewest edits from `word`, the first of equals; NULL when none shares at least half of its
// bytes with it, because a guess that far off only confuses. Letter case does not count.
const char *tri_nearest(const char *word, struct tri_names names);

#endif
