// Potline's library for external operators, which has its packages beside itself (tools/setup).
export * from '../clients/node/potline.mjs'
