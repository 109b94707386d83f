/*
 * piece.h: how many bytes one receive takes at most.
 *
 * What is tested is built with less, so that a stream has more than one piece.
 */
#ifndef FM_PIECE_H
#define FM_PIECE_H

#ifndef FM_PIECE
#define FM_PIECE 65536
#endif

#endif
