// What both forms of actors share: the names of yield points.
#include "common/actor.h"

const char *tri_yield_point_name(enum tri_yield_point point) {
  static const char *const names[] = {
#define TRI_YIELD_POINT(name, text, doc) text,
#include "common/yield_points.def"
#undef TRI_YIELD_POINT
  };
  return (unsigned)point < TRI_YIELD_POINTS ? names[point] : "no yield point";
}
