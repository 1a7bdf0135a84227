#include "loop/plot.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace hoego::loop {
namespace {

struct Axis {
  double low = 0;
  double high = 1;
  double pixel_low = 0;
  double pixel_high = 1;
  double At(double v) const {
    const double share = std::clamp((v - low) / (high - low), 0.0, 1.0);
    return pixel_low + share * (pixel_high - pixel_low);
  }
};

// A round step so that about five ticks fit.
double TickStep(double span) {
  const double raw = span / 5;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double m : {1.0, 2.0, 5.0, 10.0}) {
    if (raw <= m * power) {
      return m * power;
    }
  }
  return 10 * power;
}

std::string TickText(double v, bool percent, double step) {
  const double shown = percent ? v * 100 : v;
  const double shown_step = percent ? step * 100 : step;
  const int digits = shown_step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(shown_step) - 1e-9));
  return fmt::format("{:.{}f}{}", shown == 0 ? 0.0 : shown, digits, percent ? " %" : "");
}

void Widen(double& low, double& high) {
  if (!(high > low)) {
    low -= 0.5;
    high += 0.5;
  }
  const double margin = 0.06 * (high - low);
  low -= margin;
  high += margin;
}

void DrawTicks(std::string& svg, const Axis& x, double top, double bottom, bool percent) {
  const double step = TickStep(x.high - x.low);
  for (double v = std::ceil(x.low / step) * step; v <= x.high; v += step) {
    svg += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>"
                       "<text class=\"tick\" x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>",
                       x.At(v), top, bottom, bottom + 14, TickText(std::abs(v) < step / 1e6 ? 0 : v, percent, step));
  }
}

}  // namespace

std::string IntervalPlot(const std::vector<PlotRow>& rows, std::string_view axis, bool zero, bool percent) {
  double low = zero ? 0 : 1e300;
  double high = zero ? 0 : -1e300;
  size_t label_width = 8;
  for (const PlotRow& r : rows) {
    low = std::min(low, r.estimate.low.value_or(r.estimate.value));
    high = std::max(high, r.estimate.high.value_or(r.estimate.value));
    label_width = std::max(label_width, r.label.size());
  }
  if (rows.empty()) {
    return "";
  }
  Widen(low, high);
  const double left = 20 + 6.6 * static_cast<double>(std::min<size_t>(label_width, 40));
  const Axis x{low, high, left, 740};
  const double bottom = 12 + 24 * static_cast<double>(rows.size());
  std::string svg = fmt::format("<svg class=\"plot\" viewBox=\"0 0 760 {:.0f}\" role=\"img\" aria-label=\"{}\">", bottom + 36,
                                EscapeHtml(axis));
  DrawTicks(svg, x, 4, bottom, percent);
  if (zero) {
    svg += fmt::format("<line class=\"zero\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"4\" y2=\"{1:.1f}\"/>", x.At(0), bottom);
  }
  double y = 20;
  for (const PlotRow& r : rows) {
    svg += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", left - 10, y + 4,
                       EscapeHtml(r.label.substr(0, 48)));
    if (r.estimate.low && r.estimate.high) {
      svg += fmt::format("<line class=\"interval {}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", r.css,
                         x.At(*r.estimate.low), x.At(*r.estimate.high), y, y);
    }
    svg += fmt::format("<circle class=\"point {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\"/>", r.css, x.At(r.estimate.value), y);
    y += 24;
  }
  svg += fmt::format("<text class=\"axis\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text></svg>", (left + 740) / 2,
                     bottom + 32, EscapeHtml(axis));
  return svg;
}

std::string EffectPlot(const std::vector<Look>& looks, double min_effect, std::string_view axis) {
  if (looks.size() < 2) {
    return "";
  }
  // Early looks have huge intervals: the axis shows what the last two thirds need and clips the rest.
  double low = std::min(0.0, -std::abs(min_effect));
  double high = std::max(0.0, std::abs(min_effect));
  for (size_t i = looks.size() / 3; i < looks.size(); ++i) {
    low = std::min(low, looks[i].low);
    high = std::max(high, looks[i].high);
  }
  Widen(low, high);
  const Axis x{looks.front().seconds, std::max(looks.back().seconds, looks.front().seconds + 1e-3), 70, 740};
  const Axis y{low, high, 220, 10};
  std::string svg = fmt::format("<svg class=\"plot\" viewBox=\"0 0 760 262\" role=\"img\" aria-label=\"{}\">", EscapeHtml(axis));
  const double step = TickStep(high - low);
  for (double v = std::ceil(low / step) * step; v <= high; v += step) {
    svg += fmt::format("<line class=\"grid\" x1=\"70\" x2=\"740\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>"
                       "<text class=\"tick\" x=\"62\" y=\"{1:.1f}\" text-anchor=\"end\">{2}</text>",
                       y.At(v), y.At(v) + 4, TickText(std::abs(v) < step / 1e6 ? 0 : v, true, step));
  }
  DrawTicks(svg, x, 10, 220, false);
  std::string band;
  std::string line;
  for (const Look& l : looks) {
    band += fmt::format("{:.1f},{:.1f} ", x.At(l.seconds), y.At(l.high));
    line += fmt::format("{:.1f},{:.1f} ", x.At(l.seconds), y.At(l.effect));
  }
  for (auto l = looks.rbegin(); l != looks.rend(); ++l) {
    band += fmt::format("{:.1f},{:.1f} ", x.At(l->seconds), y.At(l->low));
  }
  svg += fmt::format("<polygon class=\"band\" points=\"{}\"/>", band);
  svg += fmt::format("<line class=\"zero\" x1=\"70\" x2=\"740\" y1=\"{0:.1f}\" y2=\"{0:.1f}\"/>", y.At(0));
  svg += fmt::format("<polyline class=\"effect\" points=\"{}\"/>", line);
  svg += fmt::format("<text class=\"axis\" x=\"405\" y=\"256\" text-anchor=\"middle\">{}</text></svg>", EscapeHtml(axis));
  return svg;
}

}  // namespace hoego::loop
