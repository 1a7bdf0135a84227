#include "base/internal/errno_status.h"

#include <cerrno>
#include <system_error>

namespace hoego::internal {
namespace {

Code CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return Code::kResourceExhausted;
    case EIO:
      return Code::kDataLoss;
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case EEXIST:
      return Code::kAlreadyExists;
    case EISDIR:
    case EINVAL:
    case ENAMETOOLONG:
      return Code::kInvalidArgument;
    case ENOTEMPTY:
    case EBUSY:
      return Code::kFailedPrecondition;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Status ErrnoStatus(int error, std::string_view doing, std::string_view what) {
  return {CodeOf(error),
          fmt::format("{} {}: {}", doing, what, std::generic_category().message(error))};
}

}  // namespace hoego::internal
