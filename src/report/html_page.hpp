/// The frame and style that all our pages share: one file, no network, light and dark.
#pragma once

#include <string>

namespace ctclip {

/// @param body  HTML.
std::string html_page(std::string const& title, std::string const& body);

}  // namespace ctclip
