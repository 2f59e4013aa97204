#define LUBAN_SIMD_LEVEL avx2
#define LUBAN_SIMD_WIDTH 4
#include <luban/surrogate/detail/simd_body.hpp>

namespace luban::surrogate::detail {

extern const SimdTable simd_table_avx2;
const SimdTable simd_table_avx2 = loops;

}  // namespace luban::surrogate::detail
