#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"

namespace hoego::registry {

// What may be a name. Each answers ok or InvalidArgument with what is wrong and what is expected.

// 1..250 bytes of UTF-8 without '@', '/', ':', '\', control characters and percent escapes such as
// %2F (so that a name means one thing however often it is decoded); not "." or "..".
Status CheckModelName(std::string_view name);

// 1..250 bytes: letters, digits, '_', '-' and characters beyond ASCII. Not "latest", not 'v' and
// digits, in any case: MLflow reads those as versions.
Status CheckAliasName(std::string_view alias);

// Where a version's bytes are: empty, "blob:" and a digest, or a URI with a path below it
// ("runs:/…"). Refused: the server's own files (an absolute path, "file:", "~"), a backslash, "..",
// also in any percent encoding.
Status CheckSource(std::string_view source);

// Free text: at most `most_chars` characters of UTF-8 without NUL. `what` names the field in the
// message.
Status CheckText(std::string_view what, std::string_view text, size_t most_chars);

}  // namespace hoego::registry
