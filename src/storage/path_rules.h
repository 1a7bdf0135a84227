#pragma once

#include <string_view>

#include "base/status.h"

namespace hoego::storage {

// Whether a text that came from outside may name a file below a folder: "model/manifest.json". Ok
// for 1..1024 bytes of UTF-8 made of components of at most 255 bytes, joined by single slashes.
// InvalidArgument for everything that a file system or a careless reader could understand as a way
// out: an absolute path, "." and "..", an empty component (also a slash at either end), a
// backslash, NUL and other control characters, invalid UTF-8. Percent signs are plain characters:
// nothing is decoded here or later, so "%2e%2e" names a file of that name.
Status CheckRelativePath(std::string_view path);

}  // namespace hoego::storage
