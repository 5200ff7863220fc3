#include "common/slow_alloc.h"

tri_ref tri_slow_alloc(struct tri_mutator *m, struct tri_shape shape, struct tri_mutex *lock,
                       tri_try_alloc_fn *try_alloc, tri_reclaim_fn *reclaim) {
  enum tri_status status = tri_alloc_check(m, shape);
  if (status != TRI_OK) return tri_alloc_failed(m, status, shape);
  tri_plain_safepoint(m);
  tri_ref object;
  do {
    TRI_YIELD(ALLOC_SLOW);
    tri_mutex_lock(lock);
    object = try_alloc(m, shape);
    tri_mutex_unlock(lock);
    if (!tri_is_null(object)) return object;
  } while (!tri_world_stop(m)); // somebody else has collected
  bool again = false, more = true;
  while (more && tri_is_null(object)) {
    more = reclaim(m, again);
    object = try_alloc(m, shape);
    again = true;
  }
  tri_world_resume(m);
  return tri_is_null(object) ? tri_alloc_failed(m, TRI_ENOMEM, shape) : object;
}
