// A proportional-integral controller with anti-windup by back-calculation (Åström, Hägglund 1995, 3.5):
// moves its output until the measured input is at the set point. Go's pacer up to 1.19 and its scavenger each
// have one. Pure; the caller's lock.
#ifndef TRICOLOR_GO_PI_CONTROLLER_H
#define TRICOLOR_GO_PI_CONTROLLER_H

#include <stdbool.h>

struct go_pi_controller {
  double kp, ti, tt; // gain; integral and reset time, in the caller's unit of time
  double min, max;   // of the output
  double integral;   // of the error until now
};

// One step: the period since the last one has given this input. False: something is infinite or not a number;
// the integral is cleared then and the output is the minimum.
bool go_pi_next(struct go_pi_controller *controller, double input, double set_point, double period,
                double *output);

#endif
