// Optimal string alignment distance (Damerau 1964, restricted to one edit per place), three rolling rows.
#include "nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST_NAME = 64 };

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static int lower(const char *text, size_t i) { return tolower((unsigned char)text[i]); }

size_t tri_edit_distance(const char *from, const char *to) {
  // Names are short. Of longer words the beginnings are compared, and what is cut off counts as edits.
  size_t from_cut = strnlen(from, LONGEST_NAME), to_cut = strnlen(to, LONGEST_NAME);
  size_t beyond = strlen(from) - from_cut + (strlen(to) - to_cut);
  size_t rows[3][LONGEST_NAME + 1];
  size_t *before = rows[0], *last = rows[1], *now = rows[2];
  for (size_t j = 0; j <= to_cut; j++) last[j] = j;
  for (size_t i = 1; i <= from_cut; i++) {
    now[0] = i;
    for (size_t j = 1; j <= to_cut; j++) {
      size_t replace = last[j - 1] + (lower(from, i - 1) != lower(to, j - 1));
      now[j] = smaller(replace, smaller(last[j], now[j - 1]) + 1);
      if (i > 1 && j > 1 && lower(from, i - 1) == lower(to, j - 2) && lower(from, i - 2) == lower(to, j - 1))
        now[j] = smaller(now[j], before[j - 2] + 1);
    }
    size_t *free_row = before;
    before = last, last = now, now = free_row;
  }
  return last[to_cut] + beyond;
}

const char *tri_nearest(const char *word, struct tri_names names) {
  const char *best = NULL;
  size_t best_distance = 0;
  for (size_t i = 0; i < names.count; i++) {
    size_t distance = tri_edit_distance(word, names.names[i]);
    size_t longer = strlen(word) > strlen(names.names[i]) ? strlen(word) : strlen(names.names[i]);
    if (2 * distance > longer || (best && distance >= best_distance)) continue;
    best = names.names[i];
    best_distance = distance;
  }
  return best;
}
