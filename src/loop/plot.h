#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loop/retrospective.h"

namespace hoego::loop {

// Small plots as inline SVG without script or inline style: classes are styled by /ui/style.css.

struct PlotRow {
  std::string label;
  Estimate estimate;
  std::string css;   // "champion", "challenger", "other", "predicted", "measured"
};

// Estimates with intervals on one common axis, a row each; the zero line when `zero`. percent: labels in per cent.
std::string IntervalPlot(const std::vector<PlotRow>& rows, std::string_view axis, bool zero, bool percent);

// Effect over time: estimate line, always-valid band, zero line.
std::string EffectPlot(const std::vector<Look>& looks, double min_effect, std::string_view axis);

}  // namespace hoego::loop
