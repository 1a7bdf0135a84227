#pragma once

// The one door to Beast, behind Asio's: the order matters, so it is not the formatter's business.
// clang-format off
#include "api/http/internal/asio.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>  // used by the tests
#include <boost/beast/http/string_body.hpp>
// clang-format on
