// Operations on handles, which all mutators share: mailboxes, globals, pins.
#include "program/exec_state.h"

#include <stdlib.h>
#include <string.h>

bool op_send(struct player *p, uint32_t number, uint32_t r) {
  struct player *to = &p->run->players[number];
  tri_ref ref = run_value(p, r);
  if (tri_is_null(ref) || to->mail_count == MAX_MAIL) return false;
  struct tri_handle *handle = run_new_handle(p, ref);
  if (!handle) return false;
  to->mail[to->mail_count++] = handle;
  return true;
}

bool op_receive(struct player *p, uint32_t r) {
  if (p->mail_count == 0) {
    run_set_slot(p, r, TRI_NULL);
    return false;
  }
  struct tri_handle *handle = p->mail[0];
  run_set_slot(p, r, tri_handle_get(p->m, handle));
  tri_handle_free(p->m, handle);
  p->mail_count--;
  memmove(p->mail, p->mail + 1, p->mail_count * sizeof *p->mail);
  return true;
}

// The handle's place, NULL when its page was never used and none is wanted, or there is no memory for it.
static struct tri_handle **global(struct player *p, uint32_t i, bool make) {
  struct tri_handle ***page = &p->run->globals[i / GLOBAL_PAGE];
  if (!*page && make) *page = calloc(GLOBAL_PAGE, sizeof **page);
  return *page ? &(*page)[i % GLOBAL_PAGE] : NULL;
}

static struct tri_handle *nearest_global(struct player *p, uint32_t i) {
  for (uint32_t seen = 0; seen < TRI_GLOBALS;) {
    uint32_t at = (i + seen) % TRI_GLOBALS;
    struct tri_handle **place = global(p, at, false);
    if (place && *place) return *place;
    seen += place ? 1 : GLOBAL_PAGE - at % GLOBAL_PAGE;
  }
  return NULL;
}

bool op_global_get(struct player *p, uint32_t r, uint32_t i) {
  struct tri_handle *handle = nearest_global(p, i);
  if (!handle) return false;
  run_set_slot(p, r, tri_handle_get(p->m, handle));
  return true;
}

bool op_global_drop(struct player *p, uint32_t i) {
  struct tri_handle **place = global(p, i, false);
  if (!place || !*place) return false;
  tri_handle_free(p->m, *place);
  *place = NULL;
  return true;
}

bool op_global_set(struct player *p, uint32_t i, uint32_t r) {
  tri_ref ref = run_value(p, r);
  if (tri_is_null(ref)) return false;
  struct tri_handle **place = global(p, i, true);
  if (!place) return run_refused(p);
  if (*place) tri_handle_set(p->m, *place, ref);
  else *place = run_new_handle(p, ref);
  return *place != NULL;
}

bool op_pin(struct player *p, uint32_t r) {
  if (p->run->n_pins == MAX_PINS) return false;
  tri_ref ref = run_value(p, r);
  if (tri_is_null(ref)) return false;
  struct tri_handle *handle = run_new_handle(p, ref); // keeps it, so that it can be unpinned
  if (!handle) return false;
  if (has(p->run, TRI_CAP_PIN) && !tri_pin(p->m, ref)) {
    tri_handle_free(p->m, handle);
    return run_refused(p);
  }
  p->run->pins[p->run->n_pins++] = handle;
  return true;
}

void run_unpin(struct player *p, unsigned i) {
  if (has(p->run, TRI_CAP_PIN)) tri_unpin(p->m, tri_handle_get(p->m, p->run->pins[i]));
  tri_handle_free(p->m, p->run->pins[i]);
  p->run->n_pins--;
  memmove(p->run->pins + i, p->run->pins + i + 1, (p->run->n_pins - i) * sizeof *p->run->pins);
}

bool op_unpin(struct player *p, uint32_t r) {
  if (p->run->n_pins == 0) return false;
  int at = run_find(p, r, ANY);
  unsigned i = 0;
  while (at >= 0 && i < p->run->n_pins &&
         !tri_same(p->m, tri_handle_get(p->m, p->run->pins[i]), top(p)->slot[at]))
    i++;
  run_unpin(p, at >= 0 && i < p->run->n_pins ? i : 0);
  return true;
}
