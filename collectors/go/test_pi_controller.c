#include "go/pi_controller.h"

#include <math.h>
#include <string.h>

#include "common/check.h"
#include "common/random.h"

// A plant that answers with the output itself is brought to the set point, from either side.
static void test_settles(void) {
  for (double start = -50; start <= 50; start += 100) {
    struct go_pi_controller c = {.kp = 0.9, .ti = 4, .tt = 1000, .min = -1000, .max = 1000};
    double output = start;
    for (int i = 0; i < 200; i++) TRI_CHECK(go_pi_next(&c, output, 7, 1, &output));
    TRI_CHECK(fabs(output - 7) < 1e-6);
  }
}

// The first steps by hand: gain, then the integral, then the clamp with what it takes back.
static void test_steps(void) {
  struct go_pi_controller c = {.kp = 0.5, .ti = 4, .tt = 2, .min = -10, .max = 10};
  double output;
  TRI_CHECK(go_pi_next(&c, 0, 8, 2, &output));
  TRI_CHECK(output == 4);     // 0.5 * 8
  TRI_CHECK(c.integral == 2); // 0.5 * 2 / 4 * 8
  TRI_CHECK(go_pi_next(&c, 0, 32, 2, &output));
  TRI_CHECK(output == 10);            // 16 + 2, clamped
  TRI_CHECK(c.integral == 2 + 8 - 8); // 0.5 * 2 / 4 * 32, and 2 / 2 * (10 - 18) back
  TRI_CHECK(go_pi_next(&c, 100, 0, 2, &output));
  TRI_CHECK(output == -10);
}

// Whatever comes in, what goes out is a number within the bounds, and a failure clears the integral.
static void test_any_input(void) {
  struct tri_random random = {800};
  struct go_pi_controller c = {.kp = 0.3375, .ti = 3.2e6, .tt = 1e9, .min = 0.001, .max = 1000};
  int failures = 0;
  for (int i = 0; i < 100000; i++) {
    uint64_t bits[2] = {tri_random_next(&random), tri_random_next(&random)};
    double in[2], output = NAN;
    memcpy(in, bits, sizeof in);
    bool ok = go_pi_next(&c, in[0], 0.01, fabs(in[1]), &output);
    TRI_CHECK(output >= 0.001 && output <= 1000);
    TRI_CHECK(isfinite(c.integral));
    TRI_CHECK(ok || (output == 0.001 && c.integral == 0));
    failures += !ok;
  }
  TRI_CHECK_LT(0, failures);
}

int main(void) {
  test_settles();
  test_steps();
  test_any_input();
  return 0;
}
