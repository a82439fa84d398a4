// ctclip-bench tokens: texts from stdin through the tokenizer.
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/untrusted_json.hpp"
#include "text/wordpiece_tokenizer.hpp"
#include "tools/ctclip_bench.hpp"

namespace ctclip {
namespace {

struct BenchTokensOptions {
    std::filesystem::path vocab;
    std::int64_t max_length = 512;
};

ExitCode bench_tokens(ToolContext& tool, BenchTokensOptions const& options) {
    WordPieceTokenizer const tokenizer(Vocabulary::load(options.vocab));
    BenchClock const clock;
    std::size_t num_texts = 0;
    std::size_t num_bytes = 0;
    for (std::string line; std::getline(std::cin, line);) {
        std::string const where = fmt::format("stdin: line {}", num_texts + 1);
        nlohmann::json const row = parse_untrusted_json(line, where);
        require(row.is_object() && row.contains("id") && row.contains("text") && row.at("text").is_string(),
                ExitCode::kBadInput, "{} is no object with an 'id' and a 'text'", where);
        auto const& text = row.at("text").get_ref<std::string const&>();
        TokenSequence const sequence = tokenizer.encode(text, static_cast<std::size_t>(options.max_length));
        tool.write_json({{"id", row.at("id")}, {"ids", sequence.ids}});
        ++num_texts;
        num_bytes += text.size();
    }
    log_info("{} texts, {} bytes: {:.3f} s of processor time, JSON included", num_texts, num_bytes,
             clock.cpu_s());
    return ExitCode::kDone;
}

}  // namespace

ToolCommand bench_tokens_command() {
    return make_command<BenchTokensOptions>(
        "tokens", "reads JSON lines {\"id\", \"text\"} on stdin, writes {\"id\", \"ids\"}",
        {{"ctclip-bench tokens --vocab vocab.txt < reports.jsonl", "[CLS] ... [SEP], truncated, not padded"}},
        [](Schema& schema, BenchTokensOptions& options) {
            schema.option("--vocab", options.vocab, "vocab.txt of a BERT model").required();
            schema.option("--max-length", options.max_length, "tokens of a text, [CLS] and [SEP] included")
                .min(2);
        },
        bench_tokens);
}

}  // namespace ctclip
