/* SPDX-License-Identifier: MIT */
/*
 * The pair of 8259A interrupt controllers: requests, priorities, commands, the INTA cycle.
 *
 * One lock for both chips. The output pin is computed after every change, so whoever asks for it needs no lock. What is
 * not here: who takes the output (vlapic.c), who drives the inputs (pc.c routes lines).
 */
#include "hv/dev/vpic.h"
#include "hv/lib/error.h"

#define ICW1_IC4 BIT32(0)   /* ICW4 follows */
#define ICW1_SNGL BIT32(1)
#define ICW1_LTIM BIT32(3)
#define ICW1_INIT BIT32(4)
#define ICW4_AEOI BIT32(1)
#define ICW4_SFNM BIT32(4)
#define OCW3 BIT32(3)
#define OCW3_RIS BIT32(0)
#define OCW3_RR BIT32(1)
#define OCW3_POLL BIT32(2)
#define OCW3_SMM BIT32(5)
#define OCW3_ESMM BIT32(6)
#define SPURIOUS_INPUT 7
#define CASCADE_INPUT 2

static const u8 elcr_writable[2] = { 0xf8, 0xde }; /* timer, keyboard, cascade, RTC and FPU are edges for ever */

static bool is_level(const struct vpic_chip *chip, unsigned input)
{
	return (chip->icw1 & ICW1_LTIM) || (chip->elcr >> input & 1);
}

static void set_input(struct vpic_chip *chip, unsigned input, bool level)
{
	u8 bit = (u8)(1u << input);

	if (!level)
		chip->irr &= (u8)~bit; /* a request must stay until INTA, or it ends as a spurious one */
	else if (is_level(chip, input) || !(chip->lines & bit))
		chip->irr |= bit;
	chip->lines = level ? chip->lines | bit : chip->lines & (u8)~bit;
}

/* 0: the highest of these inputs; 8: none of them. */
static unsigned best_priority(const struct vpic_chip *chip, u8 inputs)
{
	unsigned priority = 0;

	while (priority < 8 && !(inputs >> ((chip->lowest_priority + 1 + priority) & 7) & 1))
		priority++;
	return priority;
}

static unsigned input_of(const struct vpic_chip *chip, unsigned priority)
{
	return (chip->lowest_priority + 1 + priority) & 7;
}

/* The input whose request passes mask and in-service priorities; -1: none. */
static int best_request(const struct vpic_chip *chip, bool master)
{
	u8 requests = chip->irr & (u8)~chip->imr, serving = chip->isr;
	unsigned priority;

	if (LIKELY(!requests) || chip->init_step)
		return -1;
	if (chip->special_mask) {
		serving &= (u8)~chip->imr;
		requests &= (u8)~chip->isr;
	}
	if (master && (chip->icw4 & ICW4_SFNM))
		serving &= (u8)~(1u << CASCADE_INPUT);
	priority = best_priority(chip, requests);
	return priority < best_priority(chip, serving) ? (int)input_of(chip, priority) : -1;
}

static void update(struct vpic *pic)
{
	struct vpic_state *state = &pic->state;
	bool output;

	set_input(&state->chip[0], CASCADE_INPUT, best_request(&state->chip[1], false) >= 0);
	output = best_request(&state->chip[0], true) >= 0;
	if (output == pic->output)
		return;
	WRITE_ONCE(pic->output, output);
	irq_line_set(&pic->intr, output);
}

void vpic_set_irq(struct vpic *pic, unsigned irq, bool level)
{
	u64 flags;

	if (irq >= 16 || irq == CASCADE_INPUT)
		return;
	flags = lock_irqsave(&pic->lock);
	set_input(&pic->state.chip[irq / 8], irq % 8, level);
	update(pic);
	unlock_irqrestore(&pic->lock, flags);
}

static void serve(struct vpic_chip *chip, unsigned input)
{
	if (!is_level(chip, input))
		chip->irr &= (u8)~(1u << input);
	if (!(chip->icw4 & ICW4_AEOI))
		chip->isr |= (u8)(1u << input);
	else if (chip->rotate_on_auto_eoi)
		chip->lowest_priority = (u8)input;
}

/* The vector that this chip gives in an INTA cycle, and for which input (-1: a spurious one). */
static int vector_of(const struct vpic_chip *chip, bool master, int *input)
{
	*input = best_request(chip, master);
	return chip->vector_base + (*input < 0 ? SPURIOUS_INPUT : *input);
}

/* What the chips would answer now: the vector, and the inputs that go into service (-1: none). */
static int choose(const struct vpic_state *state, int *input, int *slave_input)
{
	int vector = vector_of(&state->chip[0], true, input);

	*slave_input = -1;
	return *input == CASCADE_INPUT ? vector_of(&state->chip[1], false, slave_input) : vector;
}

int vpic_peek(struct vpic *pic)
{
	u64 flags;
	int vector, input, slave_input;

	if (!vpic_output(pic))
		return -1;
	flags = lock_irqsave(&pic->lock);
	vector = choose(&pic->state, &input, &slave_input);
	unlock_irqrestore(&pic->lock, flags);
	return vector;
}

/* The inputs behind a vector that the CPU took, if they still ask; a request that has gone is nobody's. */
static void find(const struct vpic_state *state, int vector, int *input, int *slave_input)
{
	unsigned low = (unsigned)vector & 7, base = (unsigned)vector & 0xf8;

	*input = *slave_input = -1;
	if (base == state->chip[0].vector_base && low != CASCADE_INPUT) {
		if (state->chip[0].irr >> low & 1)
			*input = (int)low;
	} else if (base == state->chip[1].vector_base) {
		*input = CASCADE_INPUT;
		if (state->chip[1].irr >> low & 1)
			*slave_input = (int)low;
	}
}

int vpic_acknowledge(struct vpic *pic, int vector)
{
	u64 flags = lock_irqsave(&pic->lock);
	struct vpic_chip *master = &pic->state.chip[0], *slave = &pic->state.chip[1];
	int input, slave_input;

	if (vector < 0)
		vector = choose(&pic->state, &input, &slave_input);
	else
		find(&pic->state, vector, &input, &slave_input);
	if (input >= 0)
		serve(master, (unsigned)input);
	if (slave_input >= 0)
		serve(slave, (unsigned)slave_input);
	if (input == CASCADE_INPUT)
		set_input(master, CASCADE_INPUT, false); /* INT falls in the INTA cycle: a further request is a new edge */
	update(pic);
	unlock_irqrestore(&pic->lock, flags);
	return vector;
}

static void end_of_interrupt(struct vpic_chip *chip, unsigned input, bool rotate)
{
	chip->isr &= (u8)~(1u << input);
	if (rotate)
		chip->lowest_priority = (u8)input;
}

static void non_specific_eoi(struct vpic_chip *chip, bool rotate)
{
	u8 serving = chip->special_mask ? chip->isr & (u8)~chip->imr : chip->isr;
	unsigned priority = best_priority(chip, serving);

	if (priority < 8)
		end_of_interrupt(chip, input_of(chip, priority), rotate);
}

static void write_ocw2(struct vpic_chip *chip, u8 value)
{
	unsigned level = value & 7;

	switch (value >> 5) {
	case 0: chip->rotate_on_auto_eoi = 0; break;
	case 4: chip->rotate_on_auto_eoi = 1; break;
	case 1: non_specific_eoi(chip, false); break;
	case 5: non_specific_eoi(chip, true); break;
	case 3: end_of_interrupt(chip, level, false); break;
	case 7: end_of_interrupt(chip, level, true); break;
	case 6: chip->lowest_priority = (u8)level; break;
	default: break; /* 2: no operation */
	}
}

static void write_icw1(struct vpic_chip *chip, u8 value)
{
	*chip = (struct vpic_chip){
		.icw1 = value, .lines = chip->lines, .elcr = chip->elcr, .vector_base = chip->vector_base,
		.lowest_priority = 7, .init_step = 2,
	};
	for (unsigned input = 0; input < 8; input++)
		if (is_level(chip, input))
			chip->irr |= chip->lines & (u8)(1u << input);
}

static void write_command(struct vpic_chip *chip, u8 value)
{
	if (value & ICW1_INIT) {
		write_icw1(chip, value);
	} else if (value & OCW3) {
		if (value & OCW3_RR)
			chip->read_isr = value & OCW3_RIS;
		if (value & OCW3_ESMM)
			chip->special_mask = (value & OCW3_SMM) != 0;
		chip->poll = (value & OCW3_POLL) != 0;
	} else {
		write_ocw2(chip, value);
	}
}

static void write_data(struct vpic_chip *chip, u8 value)
{
	switch (chip->init_step) {
	case 2:
		chip->vector_base = value & 0xf8;
		chip->init_step = !(chip->icw1 & ICW1_SNGL) ? 3 : chip->icw1 & ICW1_IC4 ? 4 : 0;
		break;
	case 3:
		chip->icw3 = value;
		chip->init_step = chip->icw1 & ICW1_IC4 ? 4 : 0;
		break;
	case 4:
		chip->icw4 = value & 0x1f;
		chip->init_step = 0;
		break;
	default:
		chip->imr = value;
	}
}

/* The poll command makes the next read an INTA: bit 7 and the input. */
static u8 poll(struct vpic *pic, struct vpic_chip *chip)
{
	int input = best_request(chip, chip == &pic->state.chip[0]);

	chip->poll = 0;
	if (input < 0)
		return SPURIOUS_INPUT;
	serve(chip, (unsigned)input);
	update(pic);
	return (u8)(0x80u | (unsigned)input);
}

static __attribute__((noinline)) u8 chip_read_locked(struct vpic *pic, unsigned index, u64 offset)
{
	struct vpic_chip *chip = &pic->state.chip[index];
	u64 flags;
	u8 value;

	flags = lock_irqsave(&pic->lock);
	if (UNLIKELY(chip->poll))
		value = poll(pic, chip);
	else if (offset & 1)
		value = chip->imr;
	else
		value = chip->read_isr ? chip->isr : chip->irr;
	unlock_irqrestore(&pic->lock, flags);
	return value;
}

static void chip_write(struct vpic *pic, unsigned index, u64 offset, u8 value)
{
	u64 flags = lock_irqsave(&pic->lock);

	if (offset & 1)
		write_data(&pic->state.chip[index], value);
	else
		write_command(&pic->state.chip[index], value);
	update(pic);
	unlock_irqrestore(&pic->lock, flags);
}

static inline u8 chip_read(struct vpic *pic, unsigned index, u64 offset)
{
	const struct vpic_chip *chip = &pic->state.chip[index];

	if ((offset & 1) && !READ_ONCE(chip->poll)) /* the mask is one byte: no lock */
		return READ_ONCE(chip->imr);
	return chip_read_locked(pic, index, offset);
}

static __attribute__((noinline)) u64 word_read(struct vpic *pic, unsigned index, u64 offset)
{
	u64 value = chip_read(pic, index, offset);

	return value | (u64)chip_read(pic, index, 1) << 8;
}

/* A 16-bit access is two 8-bit ones. */
static inline u64 bytes_read(struct vpic *pic, unsigned index, u64 offset, unsigned size_bytes)
{
	if (UNLIKELY(size_bytes > 1))
		return word_read(pic, index, offset);
	return chip_read(pic, index, offset);
}

static void bytes_write(struct vpic *pic, unsigned index, u64 offset, unsigned size_bytes, u64 value)
{
	chip_write(pic, index, offset, (u8)value);
	if (size_bytes > 1)
		chip_write(pic, index, 1, (u8)(value >> 8));
}

static u64 master_read(void *device, u64 offset, unsigned size_bytes)
{
	return bytes_read(device, 0, offset, size_bytes);
}
static void master_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	bytes_write(device, 0, offset, size_bytes, value);
}
static u64 slave_read(void *device, u64 offset, unsigned size_bytes)
{
	return bytes_read(device, 1, offset, size_bytes);
}
static void slave_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	bytes_write(device, 1, offset, size_bytes, value);
}

static u64 elcr_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpic *pic = device;
	u64 both = pic->state.chip[0].elcr | (u64)pic->state.chip[1].elcr << 8;

	return size_bytes > 1 ? both : both >> (8 * (offset & 1));
}

static void elcr_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpic *pic = device;
	u64 flags = lock_irqsave(&pic->lock);

	for (unsigned i = 0; i < size_bytes && offset + i < 2; i++) {
		struct vpic_chip *chip = &pic->state.chip[offset + i];

		chip->elcr = (u8)(value >> (8 * i)) & elcr_writable[offset + i];
		chip->irr |= chip->lines & chip->elcr;
	}
	update(pic);
	unlock_irqrestore(&pic->lock, flags);
}

static const struct io_ops master_ops = { master_read, master_write };
static const struct io_ops slave_ops = { slave_read, slave_write };
static const struct io_ops elcr_ops = { elcr_read, elcr_write };

int vpic_claim(struct vpic *pic, struct io_map *ports)
{
	const struct io_region regions[] = {
		{ 0x20, 2, &master_ops, pic, "pic", true },
		{ 0xa0, 2, &slave_ops, pic, "pic2", true },
		{ 0x4d0, 2, &elcr_ops, pic, "elcr", true },
	};
	int error = OK;

	for (size_t i = 0; i < ARRAY_SIZE(regions) && error == OK; i++)
		error = io_map_add(ports, &regions[i]);
	return error;
}

/* Power-on leaves an 8259A undefined; here all inputs are masked, as firmware hands it over to direct boots. */
void vpic_reset(struct vpic *pic)
{
	u64 flags = lock_irqsave(&pic->lock);

	for (unsigned i = 0; i < 2; i++)
		pic->state.chip[i] = (struct vpic_chip){ .imr = 0xff, .lowest_priority = 7, .lines = pic->state.chip[i].lines };
	pic->state.chip[0].lines &= (u8)~(1u << CASCADE_INPUT);
	update(pic);
	unlock_irqrestore(&pic->lock, flags);
}

void vpic_init(struct vpic *pic, const struct irq_line *intr)
{
	*pic = (struct vpic){ .intr = *intr };
	spinlock_init(&pic->lock, "vpic", LOCK_RANK_VLAPIC);
	vpic_reset(pic);
}

void vpic_save(struct vpic *pic, struct state_writer *writer)
{
	state_save(writer, "vpic", 1, &pic->state, sizeof(pic->state));
}

static bool chip_is_sane(const struct vpic_chip *chip, unsigned index)
{
	return !(chip->elcr & ~elcr_writable[index]) && !(chip->vector_base & 7) && chip->lowest_priority < 8 &&
	       (chip->init_step == 0 || (chip->init_step >= 2 && chip->init_step <= 4)) && chip->icw4 <= 0x1f &&
	       chip->read_isr <= 1 && chip->poll <= 1 && chip->special_mask <= 1 && chip->rotate_on_auto_eoi <= 1 &&
	       !chip->reserved;
}

/* The cascade input is what the slave makes of it, and a request stands only while its line does. */
static bool inputs_are_sane(const struct vpic_state *state)
{
	const struct vpic_chip *master = &state->chip[0], *slave = &state->chip[1];
	bool cascade = best_request(slave, false) >= 0;

	return !(master->irr & ~master->lines) && !(slave->irr & ~slave->lines) &&
	       (master->lines >> CASCADE_INPUT & 1) == cascade;
}

int vpic_load(struct vpic *pic, struct state_reader *reader)
{
	struct vpic_state state;
	u64 flags;

	if (state_load(reader, "vpic", 1, &state, sizeof(state)) != OK || !chip_is_sane(&state.chip[0], 0) ||
	    !chip_is_sane(&state.chip[1], 1) || !inputs_are_sane(&state))
		return ERR_INVALID;
	flags = lock_irqsave(&pic->lock);
	pic->state = state;
	update(pic);
	unlock_irqrestore(&pic->lock, flags);
	return OK;
}
