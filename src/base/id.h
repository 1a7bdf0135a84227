#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace hoego {

// An id that cannot be mixed up with another kind: Id<struct RunTag> and Id<struct ModelTag> do not
// convert. Rep is std::string for names the outside sees, an integer for our own keys.
template <class Tag, class Rep = std::string>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(Rep value) : value_(std::move(value)) {}
  constexpr const Rep& value() const { return value_; }
  friend constexpr bool operator==(const Id&, const Id&) = default;
  friend constexpr auto operator<=>(const Id&, const Id&) = default;

 private:
  Rep value_{};
};

}  // namespace hoego

template <class Tag, class Rep>
struct std::hash<hoego::Id<Tag, Rep>> {
  std::size_t operator()(const hoego::Id<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>()(id.value());
  }
};
