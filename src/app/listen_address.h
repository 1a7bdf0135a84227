#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego::app {

// What --http and --grpc take, looked at before a folder is opened. InvalidArgument names the option: that is wrong use;
// FailedPrecondition for an address that is refused as it is, such as one that the network reaches.
Status CheckListenAddress(std::string_view option, std::string_view text);

// As it stands in a URL: "::1:7070" → "[::1]:7070"; an IPv4 address and one with brackets stay.
std::string UrlAddress(const std::string& address);

}  // namespace hoego::app
