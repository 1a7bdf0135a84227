#include "storage/path_rules.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace hoego::storage {
namespace {

constexpr size_t kMaxPathBytes = 1024;
constexpr size_t kMaxComponentBytes = 255;

// What is wrong with it, or nothing.
std::string_view Fault(std::string_view path) {
  if (path.empty()) {
    return "is empty";
  }
  if (path.size() > kMaxPathBytes) {
    return "is longer than 1024 bytes";
  }
  if (!IsValidUtf8(path)) {
    return "is not valid UTF-8";
  }
  if (std::any_of(path.begin(), path.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return "holds a control character";
  }
  if (path.find('\\') != std::string_view::npos) {
    return "holds a backslash";
  }
  if (path.front() == '/') {
    return "is absolute";
  }
  for (const std::string_view component : Split(path, '/')) {
    if (component.empty()) {
      return "has an empty component";
    }
    if (component == "." || component == "..") {
      return "has \".\" or \"..\" as a component";
    }
    if (component.size() > kMaxComponentBytes) {
      return "has a component longer than 255 bytes";
    }
  }
  return {};
}

// Safe to show: cut, and only with printable ASCII.
std::string Shown(std::string_view path) {
  std::string text;
  for (const char c : path.substr(0, 80)) {
    text += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return text;
}

}  // namespace

Status CheckRelativePath(std::string_view path) {
  const std::string_view fault = Fault(path);
  if (fault.empty()) {
    return {};
  }
  return Status::InvalidArgument(fmt::format(
      "path \"{}\" {}, expected a relative path such as model/manifest.json", Shown(path), fault));
}

}  // namespace hoego::storage
