#include "frame/palette.hpp"

namespace framering::frame {

namespace {

// These values are measured, not copied. For each of the 256 values of the TIA's colour registers,
// a saved state of the emulator (ale-py 0.12) was restored with that value in all four registers,
// one frame was emulated, and getScreen was compared with getScreenRGB and getScreenGrayscale. NTSC
// was measured with 94 of the ROMs that ale-py ships, PAL with the ten that it runs as PAL; all
// ROMs of one television standard agree.
//
// Colours are listed for the even indices. An odd index marks a pixel for which a PAL console has
// lost its colours, which happens with an odd number of scan lines: its colour is the gray of the
// even index below. getScreenGrayscale follows no such rule for odd indices, so its table is whole.

constexpr std::array<std::uint32_t, 128> ntsc_colours = {
    0x000000, 0x4A4A4A, 0x6F6F6F, 0x8E8E8E, 0xAAAAAA, 0xC0C0C0, 0xD6D6D6, 0xECECEC, 0x484800,
    0x69690F, 0x86861D, 0xA2A22A, 0xBBBB35, 0xD2D240, 0xE8E84A, 0xFCFC54, 0x7C2C00, 0x904811,
    0xA26221, 0xB47A30, 0xC3903D, 0xD2A44A, 0xDFB755, 0xECC860, 0x901C00, 0xA33915, 0xB55328,
    0xC66C3A, 0xD5824A, 0xE39759, 0xF0AA67, 0xFCBC74, 0x940000, 0xA71A1A, 0xB83232, 0xC84848,
    0xD65C5C, 0xE46F6F, 0xF08080, 0xFC9090, 0x840064, 0x97197A, 0xA8308F, 0xB846A2, 0xC659B3,
    0xD46CC3, 0xE07CD2, 0xEC8CE0, 0x500084, 0x68199A, 0x7D30AD, 0x9246C0, 0xA459D0, 0xB56CE0,
    0xC57CEE, 0xD48CFC, 0x140090, 0x331AA3, 0x4E32B5, 0x6848C6, 0x7F5CD5, 0x956FE3, 0xA980F0,
    0xBC90FC, 0x000094, 0x181AA7, 0x2D32B8, 0x4248C8, 0x545CD6, 0x656FE4, 0x7580F0, 0x8490FC,
    0x001C88, 0x183B9D, 0x2D57B0, 0x4272C2, 0x548AD2, 0x65A0E1, 0x75B5EF, 0x84C8FC, 0x003064,
    0x185080, 0x2D6D98, 0x4288B0, 0x54A0C5, 0x65B7D9, 0x75CCEB, 0x84E0FC, 0x004030, 0x18624E,
    0x2D8169, 0x429E82, 0x54B899, 0x65D1AE, 0x75E7C2, 0x84FCD4, 0x004400, 0x1A661A, 0x328432,
    0x48A048, 0x5CBA5C, 0x6FD26F, 0x80E880, 0x90FC90, 0x143C00, 0x355F18, 0x527E2D, 0x6E9C42,
    0x87B754, 0x9ED065, 0xB4E775, 0xC8FC84, 0x303800, 0x505916, 0x6D762B, 0x88923E, 0xA0AB4F,
    0xB7C25F, 0xCCD86E, 0xE0EC7C, 0x482C00, 0x694D14, 0x866A26, 0xA28638, 0xBB9F47, 0xD2B656,
    0xE8CC63, 0xFCE070,
};

constexpr std::array<std::uint8_t, 256> ntsc_grays = {
    0,   74,  74,  111, 111, 142, 142, 170, 170, 192, 192, 214, 214, 236, 236, 0,   64,  15,  95,
    29,  122, 42,  148, 53,  172, 64,  193, 74,  214, 84,  233, 0,   63,  17,  87,  33,  110, 48,
    131, 61,  150, 74,  167, 85,  184, 96,  199, 0,   59,  21,  85,  40,  107, 58,  129, 74,  148,
    89,  167, 103, 183, 116, 199, 0,   44,  26,  68,  50,  90,  72,  110, 92,  128, 111, 146, 128,
    161, 144, 176, 100, 51,  122, 74,  143, 95,  162, 115, 179, 132, 195, 149, 210, 164, 224, 178,
    132, 39,  154, 63,  173, 85,  192, 107, 208, 125, 224, 143, 238, 159, 252, 174, 144, 22,  163,
    49,  181, 73,  198, 96,  213, 116, 227, 136, 240, 153, 252, 169, 148, 17,  167, 41,  184, 64,
    200, 85,  214, 104, 228, 121, 240, 137, 252, 153, 136, 32,  157, 60,  176, 85,  194, 109, 210,
    130, 225, 150, 239, 168, 252, 186, 100, 40,  128, 69,  152, 95,  176, 120, 197, 141, 217, 162,
    235, 182, 252, 200, 48,  43,  78,  74,  105, 101, 130, 127, 153, 151, 174, 173, 194, 193, 212,
    212, 0,   40,  26,  71,  50,  98,  72,  124, 92,  147, 111, 169, 128, 189, 144, 207, 0,   41,
    24,  74,  45,  104, 66,  132, 84,  157, 101, 181, 117, 203, 132, 223, 0,   47,  22,  79,  43,
    107, 62,  133, 79,  157, 95,  179, 110, 200, 124, 220, 0,   47,  20,  79,  38,  107, 56,  133,
    71,  157, 86,  179, 99,  200, 112, 220, 136,
};

constexpr std::array<std::uint32_t, 128> pal_colours = {
    0x000000, 0x2B2B2B, 0x525252, 0x767676, 0x979797, 0xB6B6B6, 0xD2D2D2, 0xECECEC, 0x000000,
    0x2B2B2B, 0x525252, 0x767676, 0x979797, 0xB6B6B6, 0xD2D2D2, 0xECECEC, 0x805800, 0x96711A,
    0xAB8732, 0xBE9C48, 0xCFAF5C, 0xDFC06F, 0xEED180, 0xFCE090, 0x445C00, 0x5E791A, 0x769332,
    0x8CAC48, 0xA0C25C, 0xB3D76F, 0xC4EA80, 0xD4FC90, 0x703400, 0x89511A, 0xA06B32, 0xB68448,
    0xC99A5C, 0xDCAF6F, 0xECC280, 0xFCD490, 0x006414, 0x1A8035, 0x329852, 0x48B06E, 0x5CC587,
    0x6FD99E, 0x80EBB4, 0x90FCC8, 0x700014, 0x891A35, 0xA03252, 0xB6486E, 0xC95C87, 0xDC6F9E,
    0xEC80B4, 0xFC90C8, 0x005C5C, 0x1A7676, 0x328E8E, 0x48A4A4, 0x5CB8B8, 0x6FCBCB, 0x80DCDC,
    0x90ECEC, 0x70005C, 0x841A74, 0x963289, 0xA8489E, 0xB75CB0, 0xC66FC1, 0xD380D1, 0xE090E0,
    0x003C70, 0x195A89, 0x2F75A0, 0x448EB6, 0x57A5C9, 0x68BADC, 0x79CEEC, 0x88E0FC, 0x580070,
    0x6E1A89, 0x8332A0, 0x9648B6, 0xA75CC9, 0xB76FDC, 0xC680EC, 0xD490FC, 0x002070, 0x193F89,
    0x2F5AA0, 0x4474B6, 0x578BC9, 0x68A1DC, 0x79B5EC, 0x88C8FC, 0x340080, 0x4A1A96, 0x5F32AB,
    0x7248BE, 0x835CCF, 0x936FDF, 0xA280EE, 0xB090FC, 0x000088, 0x1A1A9D, 0x3232B0, 0x4848C2,
    0x5C5CD2, 0x6F6FE1, 0x8080EF, 0x9090FC, 0x000000, 0x2B2B2B, 0x525252, 0x767676, 0x979797,
    0xB6B6B6, 0xD2D2D2, 0xECECEC, 0x000000, 0x2B2B2B, 0x525252, 0x767676, 0x979797, 0xB6B6B6,
    0xD2D2D2, 0xECECEC,
};

constexpr std::array<std::uint8_t, 256> pal_grays = {
    0,   43,  43,  82,  82,  118, 118, 151, 151, 182, 182, 210, 210, 236, 236, 0,   0,   43,  43,
    82,  82,  118, 118, 151, 151, 182, 182, 210, 210, 236, 236, 0,   90,  26,  114, 50,  136, 72,
    157, 92,  175, 111, 192, 128, 208, 144, 223, 0,   74,  26,  102, 50,  127, 72,  151, 92,  172,
    111, 192, 128, 211, 144, 228, 0,   64,  26,  91,  50,  116, 72,  140, 92,  161, 111, 181, 128,
    199, 144, 216, 20,  61,  53,  89,  82,  114, 110, 137, 135, 159, 158, 179, 180, 197, 200, 214,
    20,  36,  53,  62,  82,  87,  110, 109, 135, 129, 158, 149, 180, 166, 200, 183, 92,  64,  118,
    90,  142, 114, 164, 136, 184, 156, 203, 175, 220, 192, 236, 208, 92,  44,  116, 68,  137, 90,
    158, 110, 176, 129, 193, 146, 209, 162, 224, 177, 112, 48,  137, 76,  160, 101, 182, 124, 201,
    146, 220, 165, 236, 184, 252, 201, 112, 39,  137, 64,  160, 87,  182, 108, 201, 127, 220, 145,
    236, 161, 252, 177, 112, 32,  137, 60,  160, 85,  182, 109, 201, 131, 220, 151, 236, 169, 252,
    187, 128, 30,  150, 54,  171, 77,  190, 98,  207, 117, 223, 135, 238, 151, 252, 166, 136, 16,
    157, 41,  176, 64,  194, 86,  210, 105, 225, 124, 239, 141, 252, 156, 0,   0,   43,  43,  82,
    82,  118, 118, 151, 151, 182, 182, 210, 210, 236, 236, 0,   0,   43,  43,  82,  82,  118, 118,
    151, 151, 182, 182, 210, 210, 236, 236, 0,
};

PaletteTable expand(const std::array<std::uint32_t, 128>& colours,
                    const std::array<std::uint8_t, 256>& grays) {
  PaletteTable table{};
  table.gray = grays;
  for (std::size_t even = 0; even < 256; even += 2) {
    const std::uint32_t colour = colours[even / 2];
    table.red[even] = static_cast<std::uint8_t>(colour >> 16U);
    table.green[even] = static_cast<std::uint8_t>((colour >> 8U) & 0xFFU);
    table.blue[even] = static_cast<std::uint8_t>(colour & 0xFFU);
    table.red[even + 1] = table.green[even + 1] = table.blue[even + 1] = grays[even];
  }
  return table;
}

}  // namespace

const PaletteTable& palette_table(Palette palette) {
  static const PaletteTable ntsc = expand(ntsc_colours, ntsc_grays);
  static const PaletteTable pal = expand(pal_colours, pal_grays);
  return palette == Palette::ntsc ? ntsc : pal;
}

}  // namespace framering::frame
