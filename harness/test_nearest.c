// Edit distances worked out by hand, and what is (not) suggested.
#include "nearest.h"

#include <string.h>

#include "common/check.h"

int main(void) {
  TRI_CHECK_EQ(tri_edit_distance("", ""), 0);
  TRI_CHECK_EQ(tri_edit_distance("abc", ""), 3);
  TRI_CHECK_EQ(tri_edit_distance("", "abc"), 3);
  TRI_CHECK_EQ(tri_edit_distance("kitten", "sitting"), 3);
  TRI_CHECK_EQ(tri_edit_distance("semispcae", "semispace"), 1); // neighbours swapped
  TRI_CHECK_EQ(tri_edit_distance("ca", "abc"), 3);              // one edit per place: 3, not Damerau's 2
  TRI_CHECK_EQ(tri_edit_distance("BDW", "bdw"), 0);

  char longer[200];
  memset(longer, 'x', sizeof longer);
  longer[sizeof longer - 1] = '\0';
  TRI_CHECK_EQ(tri_edit_distance(longer, "x"), 198);
  TRI_CHECK_EQ(tri_edit_distance("x", longer), 198);

  static const char *const collectors[] = {"nocollect", "malloc", "marksweep", "semispace", "refcount"};
  struct tri_names names = {collectors, sizeof collectors / sizeof *collectors};
  TRI_CHECK_STR(tri_nearest("semspace", names), "semispace");
  TRI_CHECK_STR(tri_nearest("mark-sweep", names), "marksweep");
  TRI_CHECK_STR(tri_nearest("Refcount", names), "refcount");
  TRI_CHECK(!tri_nearest("g1", names));
  TRI_CHECK(!tri_nearest("", names));
  TRI_CHECK(!tri_nearest(longer, names));
  TRI_CHECK(!tri_nearest("semispace", (struct tri_names){NULL, 0}));
  return 0;
}
