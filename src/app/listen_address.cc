#include "app/listen_address.h"

#include "api/http/server.h"
#include "app/instance.h"

namespace hoego::app {

Status CheckListenAddress(std::string_view option, std::string_view text) {
  const auto at = ParseHostPort(text);
  if (!at.ok()) {
    return at.status().Within(option);
  }
  http::ServerOptions options;
  options.address = at->host;
  return options.Validate().Within(option);
}

std::string UrlAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  return host.find(':') == std::string::npos || host.starts_with('[') ? address
                                                                      : fmt::format("[{}]{}", host, address.substr(colon));
}

}  // namespace hoego::app
