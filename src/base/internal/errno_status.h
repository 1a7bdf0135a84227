#pragma once

#include <string_view>

#include "base/status.h"

namespace hoego::internal {

// What the operating system refused, in our words: "write data/events/3.log: No space left on
// device". ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM and EAGAIN are ResourceExhausted; EIO DataLoss;
// ENOENT and ENOTDIR NotFound; EACCES, EPERM and EROFS PermissionDenied; EEXIST AlreadyExists;
// EISDIR, EINVAL and ENAMETOOLONG InvalidArgument; ENOTEMPTY and EBUSY FailedPrecondition; the rest
// Internal.
Status ErrnoStatus(int error, std::string_view doing, std::string_view what);

}  // namespace hoego::internal
