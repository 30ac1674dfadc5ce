// Fails to compile without the headers, to link without the libraries, to run without what those need.
#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>
#include <cstdio>

int main() {
    std::printf("%d.%d.%d\n", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
    return at::get_num_threads() > 0 ? 0 : 1;
}
