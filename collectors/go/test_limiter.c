// The limiter on a fake clock. Each case names the slips that it has been seen to find, as [right -> wrong].
#include "go/limiter.h"

#include "common/check.h"
#include "common/random.h"

enum { PROCESSORS = 8 };

static const int64_t US = 1000, MS = 1000 * 1000, SECOND = 1000 * 1000 * 1000;

struct clock {
  struct go_limiter limiter;
  int64_t now;
};

static struct clock start(void) {
  struct clock c = {.now = 5 * SECOND};
  go_limiter_init(&c.limiter, c.now, PROCESSORS);
  return c;
}

static void advance(struct clock *c, int64_t time) { go_limiter_update(&c->limiter, c->now += time); }

static void begin_marking(struct clock *c) {
  go_limiter_start_transition(&c->limiter, c->now, true);
  go_limiter_finish_transition(&c->limiter, c->now);
}

// While marking, time in which so many quarters of the processors are the collector's: assists beside its
// own.
static void advance_quarters(struct clock *c, int64_t time, int quarters) {
  go_limiter_add_assist_time(&c->limiter, time * PROCESSORS / 4 * (quarters - 1));
  advance(c, time);
}

// [capacity without processors; credit for time without collections]
static void test_mutators_alone(void) {
  struct clock c = start();
  TRI_CHECK_EQ(c.limiter.capacity, PROCESSORS * SECOND);
  TRI_CHECK(!c.limiter.limiting);
  advance(&c, 3600 * SECOND);
  TRI_CHECK_EQ(c.limiter.fill, 0);
  begin_marking(&c);
  advance_quarters(&c, 10 * MS, 4);
  TRI_CHECK_EQ(c.limiter.fill, 10 * MS * PROCESSORS);
}

// A stop of the world is all the collector's. [one processor's only; the time before it as well; twice]
static void test_transition(void) {
  struct clock c = start();
  go_limiter_start_transition(&c.limiter, c.now += 20 * MS, true);
  TRI_CHECK_EQ(c.limiter.fill, 0);
  go_limiter_finish_transition(&c.limiter, c.now += 2 * MS);
  TRI_CHECK_EQ(c.limiter.fill, 2 * MS * PROCESSORS);
  // A quarter for the workers, three for the mutators: half of the time drains.
  advance(&c, 1 * MS);
  TRI_CHECK_EQ(c.limiter.fill, 2 * MS * PROCESSORS - 1 * MS * PROCESSORS / 2);
  // Without marking all of it does.
  go_limiter_start_transition(&c.limiter, c.now, false);
  go_limiter_finish_transition(&c.limiter, c.now);
  advance(&c, 1 * MS);
  TRI_CHECK_EQ(c.limiter.fill, 1 * MS * PROCESSORS / 2);
}

// Half of the time neither fills nor drains, at any level, and full stays full. [0.25 -> 0.3; full by >, not
// >=]
static void test_half(void) {
  struct clock c = start();
  begin_marking(&c);
  advance_quarters(&c, 100 * MS, 2);
  TRI_CHECK_EQ(c.limiter.fill, 0);
  advance_quarters(&c, 100 * MS, 4);
  advance_quarters(&c, 100 * MS, 2);
  TRI_CHECK_EQ(c.limiter.fill, 100 * MS * PROCESSORS);
  advance_quarters(&c, 900 * MS, 4);
  TRI_CHECK_EQ(c.limiter.fill, c.limiter.capacity);
  TRI_CHECK(c.limiter.limiting);
  TRI_CHECK_EQ(c.limiter.overflow, 0);
  advance_quarters(&c, 100 * MS, 2);
  TRI_CHECK(c.limiter.limiting);
}

// [full at half of the capacity; the rest of a filling that found no room is lost, or stays in the bucket;
// limiting goes on while it drains]
static void test_full(void) {
  struct clock c = start();
  begin_marking(&c);
  advance_quarters(&c, 1 * SECOND - 1 * US, 4);
  TRI_CHECK(!c.limiter.limiting);
  advance_quarters(&c, 3 * US, 4);
  TRI_CHECK(c.limiter.limiting);
  TRI_CHECK_EQ(c.limiter.fill, c.limiter.capacity);
  TRI_CHECK_EQ(c.limiter.overflow, 2 * US * PROCESSORS);
  advance_quarters(&c, 1 * MS, 4);
  TRI_CHECK_EQ(c.limiter.overflow, (2 * US + 1 * MS) * PROCESSORS);
  advance(&c, 1 * US);
  TRI_CHECK(!c.limiter.limiting);
  TRI_CHECK_EQ(c.limiter.fill, c.limiter.capacity - 1 * US * PROCESSORS / 2);
}

// Idle processors neither mutate nor collect. [idle time drains, fills, is counted again at the next update]
static void test_idle(void) {
  struct clock c = start();
  begin_marking(&c);
  advance_quarters(&c, 10 * MS, 4);
  go_limiter_add_idle_time(&c.limiter, 4 * MS * PROCESSORS / 4 * 3); // all but the workers
  advance(&c, 4 * MS);
  TRI_CHECK_EQ(c.limiter.fill, (10 * MS + 1 * MS) * PROCESSORS);
  advance(&c, 2 * MS);
  TRI_CHECK_EQ(c.limiter.fill, 10 * MS * PROCESSORS);
}

// [assist time counted again]
static void test_assists_count_once(void) {
  struct clock c = start();
  begin_marking(&c);
  advance_quarters(&c, 10 * MS, 4);
  advance(&c, 10 * MS);
  TRI_CHECK_EQ(c.limiter.fill, 5 * MS * PROCESSORS);
}

// [period 10 -> 1 ms; an update at each call]
static void test_needs_update(void) {
  struct clock c = start();
  TRI_CHECK(!go_limiter_needs_update(&c.limiter, c.now));
  TRI_CHECK(!go_limiter_needs_update(&c.limiter, c.now + 10 * MS));
  TRI_CHECK(go_limiter_needs_update(&c.limiter, c.now + 10 * MS + 1));
  advance(&c, 11 * MS);
  TRI_CHECK(!go_limiter_needs_update(&c.limiter, c.now));
}

// [the bucket keeps what does not fit; capacity stays; the time until the change counts with the new number]
static void test_processors_change(void) {
  struct clock c = start();
  begin_marking(&c);
  advance_quarters(&c, 600 * MS, 4);
  go_limiter_set_processors(&c.limiter, c.now, PROCESSORS / 2);
  TRI_CHECK(c.limiter.limiting);
  TRI_CHECK_EQ(c.limiter.fill, PROCESSORS / 2 * SECOND);
  go_limiter_set_processors(&c.limiter, c.now, PROCESSORS);
  TRI_CHECK(!c.limiter.limiting);
  TRI_CHECK_EQ(c.limiter.fill, PROCESSORS / 2 * SECOND);
  go_limiter_set_processors(&c.limiter, c.now += 100 * MS, PROCESSORS * 2);
  TRI_CHECK_EQ(c.limiter.fill, PROCESSORS / 2 * SECOND - 100 * MS * PROCESSORS / 2);
  go_limiter_set_processors(&c.limiter, c.now, 1);
  TRI_CHECK(c.limiter.limiting);
  go_limiter_set_processors(&c.limiter, c.now, PROCESSORS);
  TRI_CHECK_EQ(c.limiter.fill, 1 * SECOND);
}

// A clock that stands still or seems to go back. [a negative window]
static void test_clock_goes_back(void) {
  struct clock c = start();
  begin_marking(&c);
  advance_quarters(&c, 10 * MS, 4);
  uint64_t fill = c.limiter.fill;
  go_limiter_add_assist_time(&c.limiter, 7 * US);
  go_limiter_update(&c.limiter, c.now - 5 * MS);
  TRI_CHECK_EQ(c.limiter.fill, fill);
  TRI_CHECK_EQ(c.limiter.assist_time, 7 * US); // waits for the next update
  TRI_CHECK_EQ(c.limiter.last_update, c.now);
  go_limiter_start_transition(&c.limiter, c.now - 5 * MS, false);
  go_limiter_finish_transition(&c.limiter, c.now - 5 * MS);
  TRI_CHECK_EQ(c.limiter.fill, fill);
}

// Collecting as much as it may, over a long run: half of the time after the leeway of a second per processor,
// and what has overflowed because the collector is told late. [overflow loses what was there; the fill is not
// bounded]
static void test_long_run(void) {
  struct clock c = start();
  begin_marking(&c);
  int64_t gc = 0, total = 0;
  for (int i = 0; i < 100000; i++) {
    int quarters = c.limiter.limiting ? 1 : 4; // limiting: no assists
    advance_quarters(&c, 1 * MS, quarters);
    gc += 1 * MS * PROCESSORS / 4 * quarters;
    total += 1 * MS * PROCESSORS;
  }
  TRI_CHECK_EQ(gc - (int64_t)c.limiter.overflow - (total - gc), c.limiter.fill);
  TRI_CHECK_LE(gc - (int64_t)c.limiter.overflow, total - gc + (int64_t)c.limiter.capacity);
  TRI_CHECK_LE(gc * 8, total * 5 + 8 * (int64_t)c.limiter.capacity); // every other millisecond is 100 %
}

// [a plain sum or product; fill above capacity]
static void test_any_input(void) {
  struct tri_random random = {3};
  for (int i = 0; i < 20000; i++) {
    struct go_limiter limiter;
    go_limiter_init(&limiter, (int64_t)tri_random_next(&random), 1 + (int)tri_random_below(&random, 1 << 30));
    for (int k = 0; k < 20; k++) {
      int64_t any = (int64_t)(tri_random_next(&random) >> tri_random_below(&random, 64));
      switch (tri_random_below(&random, 5)) {
      case 0:
        go_limiter_add_assist_time(&limiter, any);
        break;
      case 1:
        go_limiter_add_idle_time(&limiter, any);
        break;
      case 2:
        go_limiter_update(&limiter, any);
        break;
      case 3:
        go_limiter_start_transition(&limiter, any, !limiter.marking);
        go_limiter_finish_transition(&limiter, (int64_t)tri_random_next(&random));
        break;
      default:
        go_limiter_set_processors(&limiter, any, 1 + (int)tri_random_below(&random, 100));
      }
      TRI_CHECK(limiter.fill <= limiter.capacity);
      TRI_CHECK_EQ(limiter.limiting, limiter.fill == limiter.capacity);
    }
  }
}

int main(void) {
  test_mutators_alone();
  test_transition();
  test_half();
  test_full();
  test_idle();
  test_assists_count_once();
  test_needs_update();
  test_processors_change();
  test_clock_goes_back();
  test_long_run();
  test_any_input();
  return 0;
}
