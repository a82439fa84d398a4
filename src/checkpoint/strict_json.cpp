#include "checkpoint/strict_json.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

bool is_valid_utf8(std::string_view text) {
    try {
        (void)json(text).dump();
        return true;
    } catch (json::exception const&) {
        return false;
    }
}

}  // namespace

json parse_strict_json(std::string_view text, std::size_t max_depth, std::string const& what) {
    // The parser takes a NUL byte for the end of the text; what follows would go unread.
    require(text.find('\0') == text.npos, ExitCode::kBadInput, "{} is not valid JSON: it contains a NUL byte",
            what);
    std::vector<std::set<std::string>> open;
    auto const watch = [&](int, json::parse_event_t event, json& parsed) {
        switch (event) {
            case json::parse_event_t::object_start:
            case json::parse_event_t::array_start:
                open.emplace_back();
                require(open.size() <= max_depth, ExitCode::kBadInput,
                        "{} is nested too deeply (more than {} levels)", what, max_depth);
                break;
            case json::parse_event_t::object_end:
            case json::parse_event_t::array_end:
                open.pop_back();
                break;
            case json::parse_event_t::key:
                require(open.back().insert(parsed.get<std::string>()).second, ExitCode::kBadInput,
                        "{}: the name {} occurs twice", what, parsed.dump());
                break;
            case json::parse_event_t::value:
                break;
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), watch);
    } catch (json::parse_error const& error) {
        fail(ExitCode::kBadInput, "{} is not valid JSON (error near byte {})", what, error.byte);
    } catch (json::exception const&) {
        fail(ExitCode::kBadInput, "{} is not valid JSON: a number is out of range", what);
    }
}

void check_tensor_name(std::string_view name, std::string const& what) {
    require(!name.empty(), ExitCode::kBadInput, "{}: a tensor name is empty", what);
    require(std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
            ExitCode::kBadInput, "{}: tensor name {} contains a control character", what,
            json(name).dump(-1, ' ', true, json::error_handler_t::replace));
    require(is_valid_utf8(name), ExitCode::kBadInput, "{}: tensor name {} is not valid UTF-8", what,
            json(name).dump(-1, ' ', true, json::error_handler_t::replace));
}

}  // namespace ctclip
