#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace hoego::serving {

// One of the versions that a test sends units to.
struct Arm {
  std::string name;
  std::string model_ref;  // "films@champion" or "films/2"
  double weight = 1;      // its share is weight / sum of weights
};

// What a router decided for one unit at one endpoint.
struct RouteChoice {
  std::string test;  // empty: the route is fixed
  std::string arm;
  std::string model_ref;   // "films@champion" or "films/2"
  double probability = 1;  // of the arm
  uint64_t revision = 0;   // of the route
};

// Which version answers this unit? A pure function of (endpoint, unit, route revision). A port of
// this room, implemented in abtest/. Threads: any; called once a request, so it must not block.
class Router {
 public:
  virtual ~Router() = default;
  virtual RouteChoice Choose(std::string_view endpoint, std::string_view unit) const = 0;
  // The unit met its arm: an answer by that choice was given and logged.
  virtual void Exposed(std::string_view endpoint, const RouteChoice& choice, std::string_view unit,
                       Time when) = 0;
};

}  // namespace hoego::serving
