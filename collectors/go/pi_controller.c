#include "go/pi_controller.h"

#include <math.h>

bool go_pi_next(struct go_pi_controller *controller, double input, double set_point, double period,
                double *output) {
  double error = set_point - input, raw = controller->kp * error + controller->integral;
  *output = raw < controller->min ? controller->min : raw > controller->max ? controller->max : raw;
  controller->integral +=
      (controller->kp * period / controller->ti) * error + (period / controller->tt) * (*output - raw);
  if (isfinite(controller->integral)) return true; // it is not if raw is not
  controller->integral = 0;
  *output = controller->min;
  return false;
}
