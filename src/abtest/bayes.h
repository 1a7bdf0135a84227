#pragma once

#include "abtest/effects.h"

namespace hoego::abtest {

// A normal prior on the effect, on the scale of the difference. Improper (flat) by default.
struct Prior {
  double mean = 0;
  double variance = 1;
  bool proper = false;
};

struct Posterior {
  double effect = 0;
  double se = 0;
  double low = 0;  // credible interval of 1 - alpha
  double high = 0;
  double chance_to_win = 0;      // P(effect > 0)
  double risk_of_control = 0;    // expected loss of keeping the control: E max(effect, 0)
  double risk_of_treatment = 0;  // expected loss of shipping the treatment: E max(-effect, 0)
};

// Normal prior times normal likelihood of the difference. Pre: d.se > 0; prior.variance > 0 when
// proper.
Posterior Update(const Difference& d, const Prior& prior, double alpha);

// A prior given for relative effects, on the absolute scale of a control of this value.
Prior AbsolutePrior(const Prior& relative, double control);

}  // namespace hoego::abtest
