export const catalogue: string;
export function extract(): string;
