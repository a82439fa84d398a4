#include "tools/ctclip_ckpt.hpp"

int main(int argc, char** argv) {
    using namespace ctclip;
    return run_tool(
        argc, argv,
        {"ctclip-ckpt",
         "looks into checkpoints and weight files, checks them, and moves weights from and to Python",
         {ckpt_ls_command(), ckpt_show_command(), ckpt_verify_command(), ckpt_diff_command(),
          ckpt_history_command(), ckpt_import_command(), ckpt_export_command()}});
}
