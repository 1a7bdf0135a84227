#pragma once

namespace hoego::app {
inline constexpr char kVersion[] = "0.1.0";
}  // namespace hoego::app
