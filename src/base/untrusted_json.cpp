#include "base/untrusted_json.hpp"

#include <set>
#include <vector>

#include "base/error.hpp"

namespace ctclip {

using nlohmann::json;

json parse_untrusted_json(std::string_view text, std::string const& what, std::size_t max_depth) {
    // The parser takes a NUL byte for the end of the text and would leave the rest unread.
    require(text.find('\0') == text.npos, ExitCode::kBadInput, "{} is not valid JSON: it contains a NUL byte",
            what);
    std::vector<std::set<std::string>> names_of_open_objects;
    auto const watch = [&](int, json::parse_event_t event, json& parsed) {
        switch (event) {
            case json::parse_event_t::object_start:
            case json::parse_event_t::array_start:
                names_of_open_objects.emplace_back();
                require(names_of_open_objects.size() <= max_depth, ExitCode::kBadInput,
                        "{} is nested more than {} levels deep", what, max_depth);
                break;
            case json::parse_event_t::object_end:
            case json::parse_event_t::array_end:
                names_of_open_objects.pop_back();
                break;
            case json::parse_event_t::key:
                if (!names_of_open_objects.back().insert(parsed.get<std::string>()).second) {
                    fail(ExitCode::kBadInput, "{} has the name {} twice in one object", what,
                         parsed.dump(-1, ' ', true));
                }
                break;
            case json::parse_event_t::value:
                break;
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), watch);
    } catch (json::parse_error const& error) {
        fail(ExitCode::kBadInput, "{} is not valid JSON (near byte {})", what, error.byte);
    } catch (json::exception const&) {
        fail(ExitCode::kBadInput, "{} is not valid JSON: a number is out of range", what);
    }
}

}  // namespace ctclip
