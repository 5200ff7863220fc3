// Operations on handles, which all mutators share: mailboxes, globals, pins.
#include "program/exec_state.h"

#include <stdlib.h>
#include <string.h>

bool op_send(struct tri_run *run, uint32_t number, uint32_t r) {
  struct player *to = &run->players[number];
  tri_ref ref = run_value(run, r);
  if (tri_is_null(ref) || to->mail_count == MAX_MAIL) return false;
  struct tri_handle *handle = run_new_handle(run, ref);
  if (!handle) return false;
  to->mail[to->mail_count++] = handle;
  return true;
}

bool op_receive(struct tri_run *run, uint32_t r) {
  struct player *player = run->player;
  if (player->mail_count == 0) {
    run_set_slot(run, r, TRI_NULL);
    return false;
  }
  struct tri_handle *handle = player->mail[0];
  run_set_slot(run, r, tri_handle_get(mutator(run), handle));
  tri_handle_free(mutator(run), handle);
  player->mail_count--;
  memmove(player->mail, player->mail + 1, player->mail_count * sizeof *player->mail);
  return true;
}

// The handle's place, NULL when its page was never used and none is wanted, or there is no memory for it.
static struct tri_handle **global(struct tri_run *run, uint32_t i, bool make) {
  struct tri_handle ***page = &run->globals[i / GLOBAL_PAGE];
  if (!*page && make) *page = calloc(GLOBAL_PAGE, sizeof **page);
  return *page ? &(*page)[i % GLOBAL_PAGE] : NULL;
}

static struct tri_handle *nearest_global(struct tri_run *run, uint32_t i) {
  for (uint32_t seen = 0; seen < TRI_GLOBALS;) {
    uint32_t at = (i + seen) % TRI_GLOBALS;
    struct tri_handle **place = global(run, at, false);
    if (place && *place) return *place;
    seen += place ? 1 : GLOBAL_PAGE - at % GLOBAL_PAGE;
  }
  return NULL;
}

bool op_global_get(struct tri_run *run, uint32_t r, uint32_t i) {
  struct tri_handle *handle = nearest_global(run, i);
  if (!handle) return false;
  run_set_slot(run, r, tri_handle_get(mutator(run), handle));
  return true;
}

bool op_global_drop(struct tri_run *run, uint32_t i) {
  struct tri_handle **place = global(run, i, false);
  if (!place || !*place) return false;
  tri_handle_free(mutator(run), *place);
  *place = NULL;
  return true;
}

bool op_global_set(struct tri_run *run, uint32_t i, uint32_t r) {
  tri_ref ref = run_value(run, r);
  if (tri_is_null(ref)) return false;
  struct tri_handle **place = global(run, i, true);
  if (!place) return run_refused(run);
  if (*place) tri_handle_set(mutator(run), *place, ref);
  else *place = run_new_handle(run, ref);
  return *place != NULL;
}

bool op_pin(struct tri_run *run, uint32_t r) {
  if (run->n_pins == MAX_PINS) return false;
  tri_ref ref = run_value(run, r);
  if (tri_is_null(ref)) return false;
  struct tri_handle *handle = run_new_handle(run, ref); // keeps it, so that it can be unpinned
  if (!handle) return false;
  if (has(run, TRI_CAP_PIN) && !tri_pin(mutator(run), ref)) {
    tri_handle_free(mutator(run), handle);
    return run_refused(run);
  }
  run->pins[run->n_pins++] = handle;
  return true;
}

void run_unpin(struct tri_run *run, unsigned i) {
  if (has(run, TRI_CAP_PIN)) tri_unpin(mutator(run), tri_handle_get(mutator(run), run->pins[i]));
  tri_handle_free(mutator(run), run->pins[i]);
  run->n_pins--;
  memmove(run->pins + i, run->pins + i + 1, (run->n_pins - i) * sizeof *run->pins);
}

bool op_unpin(struct tri_run *run, uint32_t r) {
  if (run->n_pins == 0) return false;
  int at = run_find(run, r, ANY);
  unsigned i = 0;
  while (at >= 0 && i < run->n_pins &&
         !tri_same(mutator(run), tri_handle_get(mutator(run), run->pins[i]), top(run)->slot[at]))
    i++;
  run_unpin(run, at >= 0 && i < run->n_pins ? i : 0);
  return true;
}
